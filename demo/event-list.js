/** The newest events, the newest first. */

const describe = (data) => {
  const said = data?.text ?? data?.message
  if (typeof said === 'string') return said
  if (typeof data?.symbol === 'string') return `${data.symbol} ${data.value}`
  return JSON.stringify(data)
}

function cell(name, text) {
  const element = document.createElement('span')
  element.className = name
  element.textContent = text // text, never markup
  return element
}

/** Makes of `element` a list that keeps `limit` events. */
export function createEventList(element, limit) {
  return {
    add({ type, data, id }) {
      const row = document.createElement('li')
      const time = new Date().toLocaleTimeString([], { hour12: false })
      row.append(cell('time', time), cell('type', type), cell('data', describe(data)))
      row.title = `id ${id || 'none'}`
      element.prepend(row)
      if (element.childElementCount > limit) element.lastElementChild.remove()
    },
  }
}
