/** One stream as a line: its symbol's prices as they come, and how many events there were. */

const SVG = 'http://www.w3.org/2000/svg'
const WIDTH = 100
const HEIGHT = 24
/** Prices that are drawn. */
const POINTS = 40
const words = {
  idle: 'idle',
  connecting: 'waits',
  refreshing: 'waits',
  open: 'open',
  waiting: 'tries again',
  closed: 'closed',
}

/** Makes a lane that draws the prices of `symbol`. */
export function createLane(number, symbol) {
  const element = document.createElement('li')
  element.className = 'lane'
  const index = document.createElement('b')
  const name = document.createElement('span')
  const said = document.createElement('span')
  const svg = document.createElementNS(SVG, 'svg')
  const line = document.createElementNS(SVG, 'polyline')
  index.textContent = String(number)
  name.className = 'symbol'
  name.textContent = symbol
  said.className = 'said'
  svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`)
  svg.setAttribute('preserveAspectRatio', 'none')
  svg.setAttribute('aria-hidden', 'true')
  svg.append(line)
  element.append(index, name, svg, said)

  let values = []
  let count = 0
  const draw = () => {
    const least = Math.min(...values)
    const span = Math.max(...values) - least || 1
    const y = (value) => HEIGHT - 2 - ((value - least) / span) * (HEIGHT - 4)
    line.setAttribute(
      'points',
      values.map((value, at) => `${(at * WIDTH) / (POINTS - 1)},${y(value).toFixed(1)}`).join(' '),
    )
  }
  return {
    element,
    /** Shows where the stream is. */
    show(status) {
      element.dataset.status = status
      if (status !== 'open' || !count) said.textContent = words[status]
    },
    /** One event of the stream. */
    add(price) {
      count++
      said.textContent = count === 1 ? '1 event' : `${count} events`
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
