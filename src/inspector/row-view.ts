/** The row of one stream in the panel: a button with its name and status, its timeline and figures, and its details. */
import type { StreamRow } from './stream-row.ts'
import { createTimelineView } from './timeline-view.ts'
import { describeEntry, describeStream, factsOf, formatDuration } from './wording.ts'

/** Creates an element with a class and a text. */
export function createElement<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  className = '',
  text = '',
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name)
  if (className) element.className = className
  element.textContent = text
  return element
}

export interface RowView {
  readonly element: HTMLElement
  /** Shows the current state of the row, if it has changed. */
  update(row: StreamRow): void
}

/** Creates the view of a row. */
export function createRowView({ stream }: StreamRow): RowView {
  const element = createElement('li', 'row')
  const button = createElement('button', 'name')
  const label = createElement('span', 'label')
  const status = createElement('span', 'status')
  const timeline = createTimelineView()
  const facts = createElement('dl', 'facts')
  const details = createElement('div', 'details')
  const entries = createElement('ol', 'entries')
  const payloads = createElement('ol', 'payloads')
  const figures = new Map<string, HTMLElement>()
  let latest: StreamRow | undefined
  let shownRecords = 0

  /** Changes only what differs, so that a figure that the user has selected stays selected. */
  const showFact = (name: string, value: string): void => {
    let figure = figures.get(name)
    if (!figure) {
      const fact = createElement('div')
      figure = createElement('dd')
      fact.append(createElement('dt', '', name), figure)
      facts.append(fact)
      figures.set(name, figure)
    }
    if (figure.textContent !== value) figure.textContent = value
  }

  button.type = 'button'
  button.append(label, status)
  details.id = `details-${stream}`
  details.hidden = true
  // The list scrolls, so a keyboard must reach it.
  entries.tabIndex = payloads.tabIndex = 0
  entries.setAttribute('aria-label', 'Timeline')
  payloads.setAttribute('aria-label', 'Payloads')
  details.append(entries, payloads)
  button.setAttribute('aria-controls', details.id)
  button.setAttribute('aria-expanded', 'false')
  element.append(button, timeline.element, facts, details)

  const updateDetails = ({ timeline: timelineEntries, payloads: items, madeAt, droppedEntries }: StreamRow): void => {
    const lines = timelineEntries.map((entry) => {
      const line = createElement('li', entry.kind)
      line.append(createElement('time', '', formatDuration(entry.time - madeAt)), ` ${describeEntry(entry)}`)
      return line
    })
    if (droppedEntries) lines.unshift(createElement('li', '', `${droppedEntries} earlier entries were dropped`))
    entries.replaceChildren(...lines)
    payloads.hidden = !items.length
    payloads.replaceChildren(
      ...items.map(({ event, id, data }) => {
        const line = createElement('li')
        line.append(
          createElement('strong', '', event),
          id === undefined ? ' ' : ` ${id} `,
          createElement('code', '', data),
        )
        return line
      }),
    )
  }
  button.addEventListener('click', () => {
    details.hidden = !details.hidden
    button.setAttribute('aria-expanded', String(!details.hidden))
    if (latest && !details.hidden) updateDetails(latest)
  })

  return {
    element,
    update(row) {
      if (row.records === shownRecords) return
      latest = row
      shownRecords = row.records
      label.textContent = describeStream(row)
      status.textContent = row.reason ? `${row.status}: ${row.reason}` : row.status
      status.dataset['status'] = row.status
      timeline.update(row)
      for (const [name, value] of Object.entries(factsOf(row))) showFact(name, value)
      if (!details.hidden) updateDetails(row)
    },
  }
}
