/** The inspector: collects the records of streams as rows, and tells its views what has changed. */
import { callSafely } from '../base/report-error.ts'
import { diagnose } from '../diagnostics/diagnose.ts'
import { checkNumbers } from '../request/check-options.ts'
import { printRows } from './console-view.ts'
import type { Inspector } from './inspector.ts'
import { createPanel } from './panel.ts'
import { type StreamRow, createRow, updateRow } from './stream-row.ts'

/** Options for `inspect`. */
export interface InspectOptions {
  /** Whether the data of events is kept and shown, which may be confidential. @defaultValue false */
  readonly payloads?: boolean
  /** Maximum number of rows: closed streams are dropped first, the oldest before the others. @defaultValue 50 */
  readonly maxStreams?: number
  /** Maximum number of timeline entries of each row. @defaultValue 200 */
  readonly maxEntries?: number
  /** Maximum number of payloads of each row, each of at most 2,000 UTF-16 code units. @defaultValue 20 */
  readonly maxPayloads?: number
}

/** Longest payload that is kept, in UTF-16 code units. */
const MAX_PAYLOAD_LENGTH = 2_000

const hasEnded = ({ status }: StreamRow): boolean => status === 'closed' || status === 'failed'

/**
 * Creates an inspector.
 *
 * @throws TypeError if a limit is not a number of at least 0
 * @example
 * ```ts
 * import { inspect } from 'rivulet/inspector'
 * const inspector = inspect()
 * const client = createClient({ instrument: inspector.instrument })
 * inspector.mount()
 * ```
 */
export function inspect(options: InspectOptions = {}): Inspector {
  const { payloads = false, maxStreams = 50, maxEntries = 200, maxPayloads = 20 } = options
  checkNumbers(options, ['maxStreams', 'maxEntries', 'maxPayloads'])
  const limits = { maxEntries, maxPayloads, maxPayloadLength: MAX_PAYLOAD_LENGTH }
  const rows = new Map<number, StreamRow>()
  const listeners = new Set<(row: StreamRow | undefined) => void>()
  /** Number of the newest stream that has or had a row, so that a dropped stream does not get another one. */
  let newestStream = 0

  const notify = (row?: StreamRow): void => {
    for (const listener of listeners) callSafely(listener, row)
  }
  const dropRow = (): void => {
    const oldest = [...rows.values()].find(hasEnded) ?? rows.values().next().value
    if (oldest) rows.delete(oldest.stream)
  }
  const instrument = diagnose(
    (record) => {
      let row = rows.get(record.stream)
      if (!row) {
        if (record.stream <= newestStream) return
        newestStream = record.stream
        row = createRow(record)
        rows.set(record.stream, row)
      }
      updateRow(row, record, limits)
      while (rows.size > maxStreams) dropRow()
      notify(row)
    },
    { payloads },
  )
  const inspector: Inspector = {
    instrument,
    get streams() {
      return [...rows.values()]
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    mount: (parent) => createPanel(inspector, parent),
    print: () => printRows(inspector.streams),
    clear() {
      for (const row of rows.values()) if (hasEnded(row)) rows.delete(row.stream)
      notify()
    },
  }
  return inspector
}
