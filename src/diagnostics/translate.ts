/** Translates the records of one stream into diagnostics, which contain no secrets. */
import { type StreamError, isStreamError } from '../base/errors.ts'
import type { Observer, StreamRecord } from '../source/record.ts'
import type { StreamState } from '../source/source.ts'
import type { CloseReason, Diagnostic, DiagnosticBase } from './diagnostic.ts'

type RecordFields<Record> = Record extends unknown ? Omit<Record, keyof DiagnosticBase> : never

/** A diagnostic without the fields that every one has. */
type Fields = RecordFields<Diagnostic>

/** What the earlier records say about the end of a stream. */
interface Ending {
  reason: CloseReason
  finishReason?: string | undefined
  usage?: unknown
}

/** Returns what may be said about an error: its message and details contain what the server sent. */
const describeError = ({ code, status }: StreamError) => ({ code, ...(status && { status }) })

/** Creates the receiver of one stream's records, which calls `report` with each diagnostic. */
export function createTranslator(payloads: boolean, report: (fields: Fields) => void): Observer {
  let kind: 'feed' | 'run' = 'feed'
  let ending: Ending = { reason: 'end' }

  const reportState = ({ status, error, nextAttemptAt = 0 }: StreamState): void => {
    if (status === 'waiting' && error)
      report({ type: 'retry', ...describeError(error), delay: Math.max(0, Math.round(nextAttemptAt - Date.now())) })
    if (status !== 'closed') return
    // What the application's own code has thrown is no `StreamError`, and may be anything.
    report({
      type: 'closed',
      ...ending,
      ...(error && { reason: 'error', ...(isStreamError(error) && describeError(error)) }),
    })
  }
  const reportRead = ({ events, bytes, comments, blocks }: Extract<StreamRecord, { type: 'read' }>): void => {
    report({ type: 'read', events, bytes, comments })
    for (const { type, data, id } of blocks())
      if (data !== undefined) report({ type: 'event', event: type, id, size: data.length, ...(payloads && { data }) })
  }

  return (record) => {
    switch (record.type) {
      case 'made':
        kind = record.kind
        return report(record)
      case 'response':
        ending = { reason: record.status === 204 ? 'no-content' : 'end' }
        return report({ ...record, via: record.via ?? 'own' })
      case 'read':
        return reportRead(record)
      case 'backpressure':
        report({ type: 'backpressure', isPaused: true })
        return void record.released.then(() => report({ type: 'backpressure', isPaused: false }))
      case 'error': {
        const { error } = record
        return report({
          type: 'error',
          ...describeError(error),
          ...(error.code === 'invalid-data' && { id: error.lastEventId }),
        })
      }
      case 'finish': {
        const { finishReason, usage } = record
        ending = { reason: finishReason === 'cancelled' ? finishReason : ending.reason, finishReason, usage }
        return
      }
      case 'close': {
        const closeReason = kind === 'feed' ? 'close' : 'detach'
        ending = { reason: record.isAbort ? 'abort' : closeReason }
        return
      }
      case 'state':
        return reportState(record.state)
      default:
        return report(record)
    }
  }
}
