/** Reports stream activity as typed records, for logs, metrics and devtools. */
import type { StreamErrorCode } from '../base/errors.ts'
import { callSafely } from '../base/report-error.ts'
import type { Instrument } from '../request/options.ts'
import type { StreamRecord } from '../source/record.ts'
import type { StreamState } from '../source/source.ts'

/** The fields of every record. Records contain no secrets: URLs have no query; headers and payloads are left out. */
export interface DiagnosticBase {
  /** Number of the stream, counted from 1 for each `diagnose()` call. */
  readonly stream: number
  /** The stream's request: method, and URL without query. */
  readonly name: string
  /** Time of the record, in milliseconds, from `performance.now()`. */
  readonly time: number
}

/** A record, discriminated by `type`. Minor versions may add types, so a `switch` needs a `default`. */
export type Diagnostic = DiagnosticBase &
  (
    | Exclude<StreamRecord, { type: 'state' }>
    /** The attempt failed with `code` (`gap`: events are missing); the next attempt follows in `delay` milliseconds. */
    | {
        readonly type: 'retry'
        readonly code: StreamErrorCode
        readonly status?: number | undefined
        readonly delay: number
      }
    /** The stream has ended: with an error if `code` is set, otherwise normally or by `close()`. */
    | { readonly type: 'closed'; readonly code?: StreamErrorCode | undefined; readonly status?: number | undefined }
  )

type RecordFields<Record> = Record extends unknown ? Omit<Record, keyof DiagnosticBase> : never

/** Returns the record of a change of state; `undefined` if other records say the same. */
function describeState({ status, error, nextAttemptAt = 0 }: StreamState): RecordFields<Diagnostic> | undefined {
  const failure = error && { code: error.code, ...(error.status && { status: error.status }) }
  if (status === 'waiting' && failure)
    return { type: 'retry', ...failure, delay: Math.max(0, Math.round(nextAttemptAt - Date.now())) }
  return status === 'closed' ? { type: 'closed', ...failure } : undefined
}

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
    return (record) => {
      const fields = record.type === 'state' ? describeState(record.state) : record
      if (fields) callSafely(onDiagnostic, { stream, name, time: performance.now(), ...fields })
    }
  }
}
