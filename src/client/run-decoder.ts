/** What a run has said so far: its events become deltas in order, and an outcome. */
import { type Cursor, StreamError, isStreamError } from '../base/errors.ts'
import { resolveUrl } from '../base/url.ts'
import type { Protocol, ProtocolEvent, Step } from '../protocols/protocol.ts'
import { type PendingEvent, invalidDataError } from './validate.ts'

/** How a run ended well. */
export interface RunEnd {
  finishReason?: string | undefined
  usage?: unknown
}

export interface RunDecoderState {
  /** Whether any event has come. */
  hasEvents: boolean
  /** Where the run can be read again. */
  resumeUrl: string | undefined
  /** Milliseconds between heartbeats, as announced. */
  heartbeat: number
  /** How it ended, by its own word. */
  outcome: RunEnd | StreamError | undefined
  /** Which of the events handed out are deltas, their text, and the index that is due after each, as far as it is known. */
  readonly deltas: WeakMap<object, { readonly text: string; readonly nextIndex: number | undefined }>
}

/** Takes one event, which `address` has sent; returns what of it consumers see. @throws StreamError `gap` or `invalid-data` */
export type DecodeEvent = (event: ProtocolEvent, responseUrl: string) => PendingEvent[]

/** The index that is due at a cursor; not known where a run is joined midway without one. */
export const nextIndexOf = (startCursor: Cursor | undefined): number | undefined =>
  startCursor?.lastEventId ? startCursor.index : 0

/** Creates the decoder of a run. With `startCursor` it continues an earlier run. */
export function createRunDecoder<Delta>(
  protocol: Protocol<Delta>,
  startCursor: Cursor | undefined,
): [RunDecoderState, DecodeEvent] {
  const decoderState: RunDecoderState = {
    hasEvents: !!startCursor?.lastEventId,
    resumeUrl: startCursor?.url,
    heartbeat: startCursor?.heartbeat ?? 0,
    outcome: undefined,
    deltas: new WeakMap(),
  }
  const { resumable } = protocol
  const memory = {}
  let nextIndex = nextIndexOf(startCursor)
  let reportedGap: number | undefined
  let hasStarted = decoderState.hasEvents

  /** Whether the delta is due; an earlier one has been had. */
  const acceptIndex = (index: number | undefined): boolean => {
    if (!resumable || index === undefined) return true
    if (!(Number.isInteger(index) && index >= 0)) throw new TypeError(`Invalid delta index: ${String(index)}`)
    nextIndex ??= index
    if (index > nextIndex) {
      // One more reading may bring what is missing; not again for the same place.
      const retryable = reportedGap !== nextIndex
      reportedGap = nextIndex
      throw new StreamError('gap', `Expected delta ${nextIndex}, received delta ${index}`, { retryable })
    }
    if (index < nextIndex) return false
    nextIndex++
    return true
  }
  const toPendingEvent = (event: ProtocolEvent): PendingEvent => {
    const { type, id } = event
    let data: unknown = event.data
    try {
      data = JSON.parse(event.data)
    } catch (cause) {
      // Payloads are JSON in our protocol; others may say `[DONE]`.
      if (resumable) throw invalidDataError(event, cause)
    }
    return { type, data, id }
  }

  const applyStep = (step: Step<Delta>, event: ProtocolEvent, responseUrl: string): PendingEvent[] => {
    if (step.type === 'delta') {
      if (!acceptIndex(step.index)) return []
      const delta = { type: 'delta', data: step.delta, id: event.id }
      decoderState.deltas.set(delta, { text: protocol.text?.(step.delta) ?? '', nextIndex })
      return [delta]
    }
    if (step.type === 'error') {
      const { message, code, retryable = false } = step
      decoderState.outcome = new StreamError('server', message, { serverCode: code, retryable })
      return []
    }
    if (step.type === 'end') decoderState.outcome = step
    else if (!hasStarted) {
      hasStarted = true
      if (resumable && step.resume) decoderState.resumeUrl = resolveUrl(step.resume, responseUrl)
      decoderState.heartbeat = step.heartbeat ?? 0
    } else return [] // said again
    return [toPendingEvent(event)]
  }

  return [
    decoderState,
    (event, responseUrl) => {
      if (decoderState.outcome) return [] // nothing follows a terminal event
      decoderState.hasEvents = true
      try {
        const steps = protocol.map(event, memory)
        return steps.length ? steps.flatMap((step) => applyStep(step, event, responseUrl)) : [toPendingEvent(event)]
      } catch (cause) {
        throw isStreamError(cause) ? cause : invalidDataError(event, cause)
      }
    },
  ]
}
