/** A list of the latest events, newest first. */

const describe = (data) => {
  const text = data?.text ?? data?.message
  if (typeof text === 'string') return text
  if (typeof data?.symbol === 'string') return `${data.symbol} ${data.value}`
  return JSON.stringify(data)
}

function cell(name, text) {
  const element = document.createElement('span')
  element.className = name
  element.textContent = text // text, never markup
  return element
}

/** Turns `element` into a list of at most `limit` events. */
export function createEventList(element, limit) {
  return {
    add({ type, data, id }) {
      const row = document.createElement('li')
      const time = new Date().toLocaleTimeString([], { hour12: false })
      row.append(cell('time', time), cell('type', type), cell('data', describe(data)))
      row.title = `ID: ${id || 'none'}`
      element.prepend(row)
      if (element.childElementCount > limit) element.lastElementChild.remove()
    },
  }
}
