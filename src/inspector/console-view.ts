/** Prints the rows of the inspector to the console: one table, and the timeline of each stream. */
import type { StreamRow } from './stream-row.ts'
import { describeEntry, describeStream, factsOf, formatDuration } from './wording.ts'

/** Prints `rows` with `console.table`, and below it a collapsed group with the timeline of each stream. */
export function printRows(rows: readonly StreamRow[]): void {
  const table = rows.map((row) => [
    row.stream,
    { Stream: describeStream(row), Status: row.status, Reason: row.reason, ...factsOf(row) },
  ])
  console.table(Object.fromEntries(table))
  for (const row of rows) {
    console.groupCollapsed(describeStream(row))
    for (const entry of row.timeline) console.log(formatDuration(entry.time - row.madeAt), describeEntry(entry))
    for (const { event, id, data } of row.payloads) console.log(event, id ?? '', data)
    console.groupEnd()
  }
}
