/** What a run has said so far: its events become deltas in order, and an outcome. */
import { resolveAddress } from '../base/url.ts'
import { type Cursor, StreamError, isStreamError } from '../base/errors.ts'
import type { Protocol, ProtocolEvent, Step } from '../protocols/protocol.ts'
import { type PendingEvent, invalidData } from './validate.ts'

/** How a run ended well. */
export interface End {
  finishReason?: string | undefined
  usage?: unknown
}

export interface Transcript {
  /** Whether any event has come. */
  begun: boolean
  /** Where the run can be read again. */
  resume: string | undefined
  /** Milliseconds between heartbeats, as announced. */
  heartbeat: number
  /** How it ended, by its own word. */
  outcome: End | StreamError | undefined
  /** Which of the events handed out are deltas, their text, and the index that is due after each, as far as it is known. */
  readonly deltas: WeakMap<object, { readonly text: string; readonly due: number | undefined }>
}

/** Takes one event, which `address` has sent; returns what of it consumers see. @throws StreamError `gap` or `invalid-data` */
export type Transcribe = (event: ProtocolEvent, address: string) => PendingEvent[]

/** The index that is due at a cursor; not known where a run is joined midway without one. */
export const indexAt = (from: Cursor | undefined): number | undefined => (from?.lastEventId ? from.index : 0)

/** Begins a transcript; `from`: one that goes on where another was left. */
export function createTranscript<Delta>(protocol: Protocol<Delta>, from: Cursor | undefined): [Transcript, Transcribe] {
  const transcript: Transcript = {
    begun: !!from?.lastEventId,
    resume: from?.url,
    heartbeat: from?.heartbeat ?? 0,
    outcome: undefined,
    deltas: new WeakMap(),
  }
  const { resumable } = protocol
  const memory = {}
  let due = indexAt(from)
  let gap: number | undefined
  let started = transcript.begun

  /** Whether the delta is due; an earlier one has been had. */
  const isDue = (index: number | undefined): boolean => {
    if (!resumable || index === undefined) return true
    if (!(Number.isInteger(index) && index >= 0)) throw new TypeError(`index: ${String(index)}`)
    due ??= index
    if (index > due) {
      // One more reading may bring what is missing; not again for the same place.
      const retryable = gap !== due
      gap = due
      throw new StreamError('gap', `Delta ${due} is missing, ${index} came instead`, { retryable })
    }
    if (index < due) return false
    due++
    return true
  }
  const other = (event: ProtocolEvent): PendingEvent => {
    const { type, id } = event
    let data: unknown = event.data
    try {
      data = JSON.parse(event.data)
    } catch (cause) {
      // Payloads are JSON in our protocol; others may say `[DONE]`.
      if (resumable) throw invalidData(event, cause)
    }
    return { type, data, id }
  }

  const take = (step: Step<Delta>, event: ProtocolEvent, address: string): PendingEvent[] => {
    if (step.type === 'delta') {
      if (!isDue(step.index)) return []
      const delta = { type: 'delta', data: step.delta, id: event.id }
      transcript.deltas.set(delta, { text: protocol.text?.(step.delta) ?? '', due })
      return [delta]
    }
    if (step.type === 'error') {
      const { message, code, retryable = false } = step
      transcript.outcome = new StreamError('server', message, { serverCode: code, retryable })
      return []
    }
    if (step.type === 'end') transcript.outcome = step
    else if (!started) {
      started = true
      if (resumable && step.resume) transcript.resume = resolveAddress(step.resume, address)
      transcript.heartbeat = step.heartbeat ?? 0
    } else return [] // said again
    return [other(event)]
  }

  return [
    transcript,
    (event, address) => {
      if (transcript.outcome) return [] // nothing follows a terminal event
      transcript.begun = true
      try {
        const steps = protocol.map(event, memory)
        return steps.length ? steps.flatMap((step) => take(step, event, address)) : [other(event)]
      } catch (cause) {
        throw isStreamError(cause) ? cause : invalidData(event, cause)
      }
    },
  ]
}
