/** Reports stream activity as typed records, for logs, metrics and devtools. */
import type { StreamErrorCode } from '../base/errors.ts'
import { callSafely } from '../base/report-error.ts'
import type { Instrument } from '../request/options.ts'
import type { SourceHooks } from '../source/source.ts'

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
  /** A request is about to be sent; `reason` is `rejected` after a 401. */
  (
    | { readonly type: 'attempt'; readonly attempt: number; readonly reason: 'connect' | 'rejected' }
    /** Response headers have arrived, with any status. */
    | { readonly type: 'response'; readonly status: number }
    /** The response is an event stream; `reconnected` is false for the stream's first connection. */
    | { readonly type: 'opened'; readonly reconnected: boolean }
    /** One read of the connection has been processed. `events` counts new events, `bytes` decompressed bytes. */
    | { readonly type: 'read'; readonly events: number; readonly bytes: number }
    /** An event was dropped because an earlier connection had already delivered it. */
    | { readonly type: 'duplicate'; readonly id: string }
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

/**
 * Creates a value for the `instrument` option that calls `onDiagnostic` with each record.
 * An error that `onDiagnostic` throws is reported and does not affect the stream.
 *
 * @example createClient({ instrument: diagnose((record) => console.debug(record)) })
 */
export function diagnose(onDiagnostic: (record: Diagnostic) => void): Instrument {
  let streamCount = 0
  return (hooks: SourceHooks): SourceHooks => {
    const stream = ++streamCount
    const { label: name } = hooks
    let events = 0
    const emit = (fields: RecordFields<Diagnostic>): void => {
      callSafely(onDiagnostic, { stream, name, time: performance.now(), ...fields })
    }
    return {
      ...hooks,
      request(context, lastEventId) {
        const { attempt, reason } = context
        emit({ type: 'attempt', attempt, reason })
        return hooks.request(context, lastEventId)
      },
      onResponse(connection) {
        emit({ type: 'response', status: connection.status })
        hooks.onResponse(connection)
      },
      onOpen(connection, reconnected) {
        emit({ type: 'opened', reconnected })
        hooks.onOpen(connection, reconnected)
      },
      onEvent(event, ownId) {
        const { id } = event
        const disposition = hooks.onEvent(event, ownId)
        if (disposition === 'duplicate') emit({ type: 'duplicate', id })
        else events++
        return disposition
      },
      onBatchEnd(bytes) {
        emit({ type: 'read', events, bytes })
        events = 0
        return hooks.onBatchEnd(bytes)
      },
      onStateChange(state) {
        const { status, error, nextAttemptAt = 0 } = state
        const failure = error && { code: error.code, ...(error.status && { status: error.status }) }
        if (status === 'waiting' && failure)
          emit({ type: 'retry', ...failure, delay: Math.max(0, Math.round(nextAttemptAt - Date.now())) })
        if (status === 'closed') emit({ type: 'closed', ...failure })
        hooks.onStateChange(state)
      },
    }
  }
}
