/** A lane shows one stream: a chart of one symbol's prices, and the number of events. */

const SVG = 'http://www.w3.org/2000/svg'
const WIDTH = 100
const HEIGHT = 24
/** Maximum number of prices in the chart. */
const POINTS = 40
const statusLabels = {
  idle: 'idle',
  connecting: 'connecting',
  refreshing: 'connecting',
  open: 'open',
  waiting: 'retrying',
  closed: 'closed',
}

/** Creates a lane for the prices of `symbol`. */
export function createLane(number, symbol) {
  const element = document.createElement('li')
  element.className = 'lane'
  const index = document.createElement('b')
  const name = document.createElement('span')
  const label = document.createElement('span')
  const svg = document.createElementNS(SVG, 'svg')
  const line = document.createElementNS(SVG, 'polyline')
  index.textContent = String(number)
  name.className = 'symbol'
  name.textContent = symbol
  label.className = 'label'
  svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`)
  svg.setAttribute('preserveAspectRatio', 'none')
  svg.setAttribute('aria-hidden', 'true')
  svg.append(line)
  element.append(index, name, svg, label)

  let values = []
  let count = 0
  const draw = () => {
    const lowest = Math.min(...values)
    const span = Math.max(...values) - lowest || 1
    const y = (value) => HEIGHT - 2 - ((value - lowest) / span) * (HEIGHT - 4)
    line.setAttribute(
      'points',
      values.map((value, index) => `${(index * WIDTH) / (POINTS - 1)},${y(value).toFixed(1)}`).join(' '),
    )
  }
  return {
    element,
    /** Shows the stream's status. */
    show(status) {
      element.dataset.status = status
      if (status !== 'open' || !count) label.textContent = statusLabels[status]
    },
    /** Adds one event of the stream. */
    add(price) {
      count++
      label.textContent = count === 1 ? '1 event' : `${count} events`
      if (price.symbol !== symbol) return
      values = [...values, price.value].slice(-POINTS)
      draw()
    },
    clear() {
      values = []
      count = 0
      line.setAttribute('points', '')
    },
  }
}
