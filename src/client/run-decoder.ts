/** What a run has said so far: its events become deltas in order, and an outcome. */
import { type Cursor, StreamError, isStreamError } from '../base/errors.ts'
import { resolveUrl } from '../base/url.ts'
import type { Protocol, ProtocolEvent, Step } from '../protocols/protocol.ts'
import { type PendingEvent, invalidDataError } from './validate.ts'

/** How a run ended well. */
export interface RunEnd {
  finishReason?: string | undefined
  rawFinishReason?: string | undefined
  usage?: unknown
}

export interface RunDecoderState {
  /** Whether any event has come. */
  hasEvents: boolean
  /** Where the run can be read again. */
  resumeUrl: string | undefined
  /** The server's ID of the run, as its first `start` gave it. */
  streamId: string | undefined
  /** Milliseconds between heartbeats, as announced. */
  heartbeat: number
  /** Whether a delta covered several positions of which some were received: the server must send each by itself. */
  needsSingleDeltas: boolean
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
    streamId: startCursor?.streamId,
    heartbeat: startCursor?.heartbeat ?? 0,
    needsSingleDeltas: false,
    outcome: undefined,
    deltas: new WeakMap(),
  }
  const { resumable } = protocol
  const memory = {}
  let nextIndex = nextIndexOf(startCursor)
  let reportedGap: number | undefined
  let hasStarted = decoderState.hasEvents
  let hasDeltas = decoderState.hasEvents

  /**
   * Returns whether a delta that covers `count` positions from `index` on is the next one; otherwise all of it was
   * received before.
   */
  const acceptIndex = (index: number | undefined, count = 1): boolean => {
    if (!resumable || index === undefined) return true
    if (!(Number.isInteger(index) && index >= 0)) throw new TypeError(`Invalid delta index: ${String(index)}`)
    if (!(Number.isInteger(count) && count > 0)) throw new TypeError(`Invalid delta count: ${String(count)}`)
    nextIndex ??= index
    const end = index + count
    if (end <= nextIndex) return false
    if (index !== nextIndex) {
      decoderState.needsSingleDeltas ||= index < nextIndex
      // Reading once more may bring what is missing, but not twice for the same position.
      const retryable = reportedGap !== nextIndex
      reportedGap = nextIndex
      const received = count > 1 ? `deltas ${index} to ${end - 1}` : `delta ${index}`
      throw new StreamError('gap', `Expected delta ${nextIndex}, received ${received}`, { retryable })
    }
    nextIndex = end
    return true
  }
  /** Checks a repeated `start`. @throws StreamError `expired` if it belongs to a different run */
  const assertSameRun = (streamId: string | undefined): void => {
    const isUnknown = streamId === undefined || decoderState.streamId === undefined
    if (resumable && (isUnknown ? hasDeltas : streamId !== decoderState.streamId))
      throw new StreamError('expired', 'The server answered with a different run (streamId)')
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
    if (step.type === 'pass') return acceptIndex(step.index, step.count) ? [toPendingEvent(event)] : []
    if (step.type === 'delta') {
      if (!acceptIndex(step.index, step.count)) return []
      hasDeltas = true
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
      decoderState.streamId ??= step.streamId
      decoderState.heartbeat = step.heartbeat! > 0 ? step.heartbeat! : 0
    } else {
      assertSameRun(step.streamId)
      return []
    }
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
