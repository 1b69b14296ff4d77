/** Reports stream activity as typed records, for logs, metrics and devtools. */
import { callSafely } from '../base/report-error.ts'
import type { Instrument } from '../request/options.ts'
import type { StreamRecord } from '../source/record.ts'

/** The fields of every record. Records contain no secrets: URLs have no query; headers and payloads are left out. */
export interface DiagnosticBase {
  /** Number of the stream, counted from 1 for each `diagnose()` call. */
  readonly stream: number
  /** The stream's request: method, and URL without query. */
  readonly name: string
  /** Time of the record, in milliseconds, from `performance.now()`. */
  readonly time: number
}

/** A record of a stream. */
export type Diagnostic = DiagnosticBase & StreamRecord

/**
 * Creates a value for the `instrument` option that calls `onDiagnostic` with each record.
 * An error that `onDiagnostic` throws is reported and does not affect the stream.
 *
 * @example createClient({ instrument: diagnose((record) => console.debug(record)) })
 */
export function diagnose(onDiagnostic: (record: Diagnostic) => void): Instrument {
  let streamCount = 0
  return (name) => {
    const stream = ++streamCount
    return (record) => callSafely(onDiagnostic, { stream, name, time: performance.now(), ...record })
  }
}
