/** Draws the timeline of a stream: a line while it is connected, a tick for each read with events, a box for each gap. */
import type { StreamRow, TimelineEntry } from './stream-row.ts'
import { describeTimeline } from './wording.ts'

const SVG = 'http://www.w3.org/2000/svg'
/** Size of the drawing, in its own units. */
const [WIDTH, HEIGHT] = [1_000, 24]
const MIDDLE = HEIGHT / 2
/** Shortest time that the drawing spans, in milliseconds. */
const MIN_SPAN_MS = 1_000

/** The paths of a drawing, from back to front; each is a class of its own. */
const PATHS = ['gaps', 'line', 'ticks', 'attempts', 'faults'] as const

type Paths = Record<(typeof PATHS)[number], string>

const FAULTS: readonly TimelineEntry['kind'][] = ['retry', 'error', 'reset']

/** Returns the paths of a timeline. */
export function drawPaths({ timeline, updatedAt }: StreamRow): Paths {
  const paths: Paths = { gaps: '', line: '', ticks: '', attempts: '', faults: '' }
  const from = timeline[0]?.time ?? updatedAt
  const scale = WIDTH / Math.max(updatedAt - from, MIN_SPAN_MS)
  const positionOf = (time: number): string => ((time - from) * scale).toFixed(1)
  /** The phase that has not ended yet: a connection, or the gap after one. */
  let phase: { readonly kind: 'line' | 'gaps'; readonly since: number } | undefined
  const endPhase = (time: number): void => {
    if (!phase) return
    const [start, end] = [positionOf(phase.since), positionOf(time)]
    if (phase.kind === 'line') paths.line += `M${start} ${MIDDLE}H${end}`
    else paths.gaps += `M${start} 2H${end}V${HEIGHT - 2}H${start}Z`
    phase = undefined
  }
  for (const { kind, time } of timeline) {
    const x = positionOf(time)
    if (kind === 'opened') {
      endPhase(time)
      phase = { kind: 'line', since: time }
    } else if (kind === 'retry' && phase?.kind !== 'gaps') {
      endPhase(time)
      phase = { kind: 'gaps', since: time }
    } else if (kind === 'closed') endPhase(time)
    if (kind === 'events') paths.ticks += `M${x} 4V${HEIGHT - 4}`
    if (kind === 'attempt') paths.attempts += `M${x} ${MIDDLE}h.1`
    if (FAULTS.includes(kind)) paths.faults += `M${x} 2V${HEIGHT - 2}`
  }
  endPhase(updatedAt)
  return paths
}

/** Creates a drawing. `update` draws the timeline of a row. */
export function createTimelineView(): { readonly element: SVGSVGElement; update(row: StreamRow): void } {
  const element = document.createElementNS(SVG, 'svg')
  element.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`)
  element.setAttribute('preserveAspectRatio', 'none')
  element.setAttribute('role', 'img')
  const shapes = PATHS.map((name) => {
    const path = document.createElementNS(SVG, 'path')
    path.setAttribute('class', name)
    element.append(path)
    return path
  })
  return {
    element,
    update(row) {
      const paths = drawPaths(row)
      PATHS.forEach((name, index) => shapes[index]!.setAttribute('d', paths[name]))
      element.setAttribute('aria-label', describeTimeline(row))
    },
  }
}
