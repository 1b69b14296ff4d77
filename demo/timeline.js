/** A timeline of a stream: each event is a tick, each interruption a gap, each reconnect attempt a dot. */

const SVG = 'http://www.w3.org/2000/svg'
/** Height of the drawing in SVG units; the width is the time shown, in milliseconds. */
const HEIGHT = 100
const reducedMotion = matchMedia('(prefers-reduced-motion: reduce)')

const seconds = (ms) => `${(ms / 1_000).toFixed(1)} s`
const plural = (count, noun) => `${count.toLocaleString()} ${noun}${count === 1 ? '' : 's'}`

function shape(name, kind, parent) {
  const element = document.createElementNS(SVG, name)
  element.setAttribute('class', kind)
  parent.append(element)
  return element
}

/**
 * Draws a timeline into `figure`. The mode `rolling` shows the last `span` milliseconds; `growing` starts at the left and
 * scales down once the stream has lasted longer than `span`.
 */
export function createTimeline(figure, { span, mode, noun = 'event' }) {
  const svg = shape('svg', 'picture', figure)
  svg.setAttribute('preserveAspectRatio', 'none')
  svg.setAttribute('aria-hidden', 'true')
  const [gapPath, linePath, tickPath, tryPath] = ['gaps', 'line', 'ticks', 'tries'].map((kind) =>
    shape('path', kind, svg),
  )
  const caption = document.createElement('figcaption')
  const [from, summary, until] = ['from', 'summary', 'until'].map((kind) => {
    const part = document.createElement('span')
    part.className = kind
    caption.append(part)
    return part
  })
  figure.append(caption)

  let origin = performance.now()
  let ticks = []
  let tries = []
  /** Phases of the stream: `open`, `gap`, `opening` (the first attempt) and `off`; each lasts until the next one starts. */
  let phases = [{ kind: 'off', since: 0 }]
  let total = 0
  let gaps = { count: 0, longest: 0 }
  let stopped = 0
  let frame

  const now = () => performance.now() - origin
  const current = () => phases.at(-1)
  const isLive = () => current().kind !== 'off'

  /** Drops everything that has scrolled out of view, because the page may stay open for days. */
  const prune = (edge) => {
    if (mode === 'growing') return
    ticks = ticks.filter((at) => at >= edge)
    tries = tries.filter((at) => at >= edge)
    const first = phases.findLastIndex(({ since }) => since <= edge)
    if (first > 0) phases = phases.slice(first)
  }

  const draw = () => {
    const end = isLive() || mode === 'rolling' ? now() : stopped
    const width = mode === 'rolling' ? span : Math.max(span, end)
    const left = mode === 'rolling' ? end - span : 0
    prune(left)
    svg.setAttribute('viewBox', `${left.toFixed()} 0 ${width.toFixed()} ${HEIGHT}`)
    let line = ''
    let gap = ''
    for (const [index, { kind, since }] of phases.entries()) {
      const till = (phases[index + 1]?.since ?? end).toFixed()
      // The picture is not clipped, because dots and ticks at its edges would be cut in half.
      const start = Math.max(since, left).toFixed()
      if (kind === 'open') line += `M${start} ${HEIGHT}H${till}`
      if (kind === 'gap') gap += `M${start} 0H${till}V${HEIGHT}H${start}Z`
    }
    linePath.setAttribute('d', line)
    gapPath.setAttribute('d', gap)
    tickPath.setAttribute('d', ticks.map((at) => `M${at.toFixed()} ${HEIGHT}V30`).join(''))
    // A zero-length stroke with round caps is a dot of the same size at every scale.
    tryPath.setAttribute('d', tries.map((at) => `M${at.toFixed()} 50h0`).join(''))
    from.textContent = mode === 'rolling' ? `${span / 1_000} s ago` : '0'
    until.textContent = mode === 'rolling' ? 'now' : seconds(width)
    const longest = Math.max(gaps.longest, current().kind === 'gap' ? end - current().since : 0)
    summary.textContent = gaps.count
      ? `${plural(total, noun)}, ${plural(gaps.count, 'gap')}, longest ${seconds(longest)}`
      : plural(total, noun)
  }

  const loop = () => {
    frame = undefined
    draw()
    if (isLive()) schedule()
  }
  // With reduced motion, the timeline moves once a second; hidden pages get no animation frames at all.
  const schedule = () => {
    frame ??= reducedMotion.matches ? setTimeout(() => requestAnimationFrame(loop), 1_000) : requestAnimationFrame(loop)
  }

  const enter = (kind) => {
    const last = current()
    if (last.kind === kind) return
    const at = now()
    if (last.kind === 'gap') gaps.longest = Math.max(gaps.longest, at - last.since)
    if (kind === 'gap') gaps.count++
    if (kind === 'off') stopped = at
    phases.push({ kind, since: at })
    draw()
    if (isLive()) schedule()
  }

  draw()
  return {
    /** Marks the arrival of an event. */
    tick() {
      total++
      ticks.push(now())
      if (reducedMotion.matches) draw()
    },
    /** Marks a change of the stream's status (`onStateChange`). */
    status(status) {
      const inGap = current().kind === 'gap'
      if (status === 'connecting' && inGap) tries.push(now())
      else if (status === 'connecting') enter('opening')
      else if (status === 'open') enter('open')
      else if (status === 'waiting') enter('gap')
      else enter('off')
    },
    /** Starts over. */
    clear() {
      origin = performance.now()
      ticks = []
      tries = []
      phases = [{ kind: 'off', since: 0 }]
      total = stopped = 0
      gaps = { count: 0, longest: 0 }
      draw()
    },
  }
}
