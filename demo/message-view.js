/** Draws a message as it grows: reasoning, text, tool calls with their results, and sources. All of it as text. */

function createElement(name, className, ...children) {
  const element = document.createElement(name)
  if (className) element.className = className
  element.append(...children)
  return element
}

/** Creates an element for words, which run from left to right or from right to left, whichever they are. */
function createWords(className) {
  const words = createElement('p', className)
  words.dir = 'auto'
  return words
}

/** Creates an element for JSON, which runs from left to right, whatever its strings are. */
function createJson(className) {
  const json = createElement('pre', className)
  json.dir = 'ltr'
  return json
}

const isWebLink = (url) => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)

/** By type of block: creates its element, and returns it with the function that shows a block in it. */
const kinds = {
  text() {
    const element = createWords('words')
    return { element, update: ({ content }) => (element.textContent = content) }
  },
  reasoning() {
    const words = createWords('words')
    const element = createElement('details', 'reasoning', createElement('summary', '', 'Reasoning'), words)
    element.open = true
    return { element, update: ({ content }) => (words.textContent = content) }
  },
  refusal() {
    const element = createWords('words refusal')
    return { element, update: ({ content }) => (element.textContent = content) }
  },
  'tool-call'() {
    const name = createElement('code')
    const args = createJson('arguments')
    const result = createJson('result')
    const element = createElement('div', 'tool', createElement('p', 'call', 'Calls ', name), args, result)
    const showResult = (output) => (result.textContent = JSON.stringify(output))
    const update = (block) => {
      name.textContent = block.name
      args.textContent = block.args
      if (block.output !== undefined) showResult(block.output)
    }
    return { element, update, showResult }
  },
  source() {
    const element = createWords('source')
    const update = ({ url = '', title = url }) => {
      if (!isWebLink(url)) return element.replaceChildren(title)
      const link = createElement('a', '', title)
      link.href = url
      link.rel = 'noopener noreferrer'
      element.replaceChildren(link)
    }
    return { element, update }
  },
  data() {
    const element = createElement('p', 'data')
    return { element, update: ({ name }) => (element.textContent = name) }
  },
}

/** Turns `root` into a view of one message. */
export function createMessageView(root) {
  /** What is drawn: the blocks, each with its element. */
  const drawn = []

  const draw = (block, index) => {
    const { block: before, view } = drawn[index] ?? {}
    // A block that has changed is another object.
    if (before === block) return
    const next = before?.type === block.type ? view : kinds[block.type]()
    next.update(block)
    if (!view) root.append(next.element)
    else if (next !== view) view.element.replaceWith(next.element)
    drawn[index] = { block, view: next }
  }
  const removeFrom = (index) => {
    for (const { view } of drawn.splice(index)) view.element.remove()
  }

  return {
    /** Draws what has changed since the last time. */
    show({ blocks }) {
      blocks.forEach(draw)
      removeFrom(blocks.length)
      root.scrollTop = root.scrollHeight
    },
    /** Shows the result of a tool that the page has run. */
    showResult(id, output) {
      drawn.find(({ block }) => block.id === id).view.showResult(output)
      root.scrollTop = root.scrollHeight
    },
    clear: () => removeFrom(0),
  }
}
