/** Tells what streams go through, as typed records: to draw, to count, to log. */
import type { StreamErrorCode } from '../base/errors.ts'
import { callSafely } from '../base/report-error.ts'
import type { Instrument } from '../request/options.ts'
import type { SourceHooks } from '../source/source.ts'

/** What all records say. Nothing in a record is secret: URLs are without their query, headers and payloads are left out. */
export interface DiagnosticBase {
  /** Which stream: counted from 1, for each `diagnose`. */
  readonly stream: number
  /** What it asks for: method, and URL without query. */
  readonly name: string
  /** When, in milliseconds on the page's monotonic clock (High Resolution Time, section `performance.now()`). */
  readonly time: number
}

/** What happened. New types come with minor versions, so a `switch` needs a `default`. */
export type Diagnostic = DiagnosticBase &
  /** A request is about to be made; `reason` is `rejected` after a 401. */
  (
    | { readonly type: 'attempt'; readonly attempt: number; readonly reason: 'connect' | 'rejected' }
    /** The server has answered, whatever with. */
    | { readonly type: 'response'; readonly status: number }
    /** Events may come; `reconnected`: not for the first time. */
    | { readonly type: 'opened'; readonly reconnected: boolean }
    /** One read of the connection is through: how many events, and bytes on the wire (decompressed). */
    | { readonly type: 'read'; readonly events: number; readonly bytes: number }
    /** An event that an earlier connection had brought was dropped. */
    | { readonly type: 'duplicate'; readonly id: string }
    /** The connection has failed, and what for; `gap`: events are missing. `delay`: milliseconds until the next attempt. */
    | {
        readonly type: 'retry'
        readonly code: StreamErrorCode
        readonly status?: number | undefined
        readonly delay: number
      }
    /** The stream is over: by its end or `close()`, or, where there is a code, by an error. */
    | { readonly type: 'closed'; readonly code?: StreamErrorCode | undefined; readonly status?: number | undefined }
  )

type RecordFields<Record> = Record extends unknown ? Omit<Record, keyof DiagnosticBase> : never

/**
 * What a client's `instrument` option takes: `createClient({ instrument: diagnose((record) => console.debug(record)) })`.
 * What `onDiagnostic` throws is reported, and breaks no stream.
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
