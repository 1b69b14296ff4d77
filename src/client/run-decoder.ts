/** Decodes the events of a run: turns them into deltas in order, and into the outcome of the run. */
import { type Cursor, type Problem, StreamError, type StreamErrorDetails, isStreamError } from '../base/errors.ts'
import type { StreamEvent } from '../base/events.ts'
import { mergeDefined } from '../base/merge-defined.ts'
import type { Batch } from '../connect/connect.ts'
import type { Block } from '../sse/parse.ts'
import type { End, Protocol, ProtocolEvent, Step } from '../protocols/protocol.ts'
import { resolveResumeUrl } from '../request/resume-url.ts'
import { type Disposition, nextLastEventId } from '../source/last-event-id.ts'
import type { Decoded } from './kind.ts'
import { RunEvent, type RunPosition, nextIndexAt } from './run-position.ts'
import { invalidDataError } from './validate.ts'

/** What a run is known to be so far. */
export interface RunState {
  lastEventId: string
  /** Last position received, for protocols that do not resume by event ID. */
  at: string | undefined
  /** ID of the answer, and the model, if the server has named them. */
  start: { id?: string; model?: string } | undefined
  /** Whether any event was received. */
  hasEvents: boolean
  /** URL from which the run can be read again. */
  resumeUrl: string | undefined
  /** Heartbeat interval that the server announces, in milliseconds; 0 if it announces none. */
  heartbeat: number
  /** How the run ended, as the server said, or because an event was invalid. */
  outcome: End | StreamError | undefined
  /** Whether the body of this connection ended in the middle of an event. */
  wasCut: boolean
  /** Whether a delta covered several positions of which some were received: the server must send each by itself. */
  needsSingleDeltas: boolean
}

export interface RunDecoder {
  readonly state: Readonly<RunState>
  /** Continues from the cursor that an earlier page has stored: the run is read again from its start. */
  restore(cursor: Cursor): void
  decode(batch: Batch, responseUrl: string): Decoded
  /** Ends the run with the failure of an item that was decoded. */
  invalidate(error: StreamError): void
  /** Returns how the run has ended if its connection has; `undefined` if its end is missing. */
  endOfInput(): End | undefined
  /** Returns the cursor after `lastEventId`, where `position` has the index; `undefined` if the run cannot be resumed. */
  cursorAt(lastEventId: string | undefined, position: RunPosition): Cursor | undefined
}

/** The step of an event for which the protocol has none. */
const PASS: Step<never> = { type: 'pass' }

/** Parses data as JSON; other data, such as `[DONE]`, stays text. */
function parse(data: string): unknown {
  try {
    return JSON.parse(data)
  } catch {
    return data
  }
}

/** Creates a decoder; `label` names the request in messages. With `startCursor`, it continues an earlier run. */
export function createRunDecoder<Delta>(
  protocol: Protocol<Delta, unknown>,
  label: string,
  startCursor: Cursor | undefined,
): RunDecoder {
  const { resume, eof } = protocol
  const isMidway = !!(startCursor?.lastEventId ?? startCursor?.at)
  const memory = protocol.begin?.()
  const state: RunState = {
    lastEventId: startCursor?.lastEventId ?? '',
    at: startCursor?.at,
    start: undefined,
    hasEvents: isMidway,
    resumeUrl: startCursor?.url,
    heartbeat: startCursor?.heartbeat ?? 0,
    outcome: undefined,
    wasCut: false,
    needsSingleDeltas: false,
  }
  /** The server's ID of the run, as its first `start` gave it. */
  let knownStreamId = startCursor?.streamId
  /** Index of the next delta, if it is known. */
  let nextIndex = nextIndexAt(startCursor)
  let hasStarted = isMidway
  // A cursor of the first version does not say which run it belongs to, so there is nothing to compare.
  let hasDeltas = isMidway && startCursor?.v === 2
  let reportedGap: number | undefined

  /**
   * Returns whether a delta that covers `count` positions from `index` on is the next one; otherwise all of it was
   * received before.
   */
  const acceptIndex = (index: number | undefined, count = 1): boolean => {
    if (index === undefined) return true
    if (!(Number.isInteger(index) && index >= 0)) throw new TypeError(`Invalid delta index: ${String(index)}`)
    if (!(Number.isInteger(count) && count > 0)) throw new TypeError(`Invalid delta count: ${String(count)}`)
    const expected = (nextIndex ??= index)
    const end = index + count
    if (end <= expected) return false
    if (index !== expected) {
      state.needsSingleDeltas ||= index < expected
      // Reading once more may bring what is missing, but not twice for the same position.
      const retryable = reportedGap !== expected
      reportedGap = expected
      const received = count > 1 ? `deltas ${index} to ${end - 1}` : `delta ${index}`
      throw new StreamError('gap', `Expected delta ${expected}, received ${received}: ${label}`, { retryable })
    }
    nextIndex = end
    return true
  }
  /** Returns whether `start` is the first one of the run. @throws StreamError `expired` if it is that of another run */
  const start = (step: Step<Delta> & { type: 'start' }, responseUrl: string): boolean => {
    const { streamId, resume: address, heartbeat = 0, id, model } = step
    const isUnknown = streamId === undefined || knownStreamId === undefined
    const isOther = isUnknown ? hasStarted && hasDeltas : streamId !== knownStreamId
    if (resume && isOther) throw new StreamError('expired', 'The server answered with a different run (streamId)')
    state.start = mergeDefined({ id, model })
    if (hasStarted) return false
    hasStarted = true
    if (resume && address) state.resumeUrl = resolveResumeUrl(address, responseUrl)
    knownStreamId ??= streamId
    state.heartbeat = heartbeat > 0 ? heartbeat : 0
    return true
  }
  /** Applies a step. Returns whether it has an effect; otherwise it was received before. */
  const apply = (step: Step<Delta>, responseUrl: string): boolean => {
    if (step.type === 'skip') return false
    if (step.type === 'start') return start(step, responseUrl)
    if (step.type === 'end') state.outcome = step
    else if (step.type === 'error') {
      const { message, code: serverCode, retryable = false, detail, usage } = step
      const details = { serverCode, retryable, problem: detail as Problem | undefined, usage }
      state.outcome = new StreamError('server', message, mergeDefined<StreamErrorDetails>(details))
    } else return acceptIndex(step.index, step.count)
    return true
  }
  /** Appends the items of one event. Returns why the event does not count as new, if it does not. */
  const decodeEvent = (event: ProtocolEvent, items: StreamEvent[], responseUrl: string): Disposition | undefined => {
    const mapped = protocol.map(event, memory) ?? PASS
    const steps = 'length' in mapped ? mapped : [mapped]
    // Listeners receive the event of the wire once, whatever the number of its deltas.
    let { type } = event
    for (const step of steps.length ? steps : [PASS]) {
      if (!apply(step, responseUrl)) continue
      const { at = state.at, data = type && parse(event.data) } = step
      state.at = at
      const delta = step.type === 'delta' ? step.delta : undefined
      if (!type && delta === undefined) continue
      hasDeltas ||= delta !== undefined
      const text = delta === undefined ? '' : (protocol.text?.(delta) ?? '')
      items.push(new RunEvent(type, data, event.id, { nextIndex, at, delta, text }))
      type = ''
    }
    return event.type === 'start' || type ? 'handshake' : undefined
  }

  /** Decodes a block without its blank line. Returns whether its payload is whole: JSON, or the end of the run. */
  const decodeLast = ({ type, data = '' }: Block, items: StreamEvent[], responseUrl: string): boolean => {
    // A run of the native protocol is read again.
    if (eof === 'end' || protocol.idempotent) return false
    const added: StreamEvent[] = []
    try {
      decodeEvent({ type, data, id: state.lastEventId }, added, responseUrl)
      // An object or array that parses is whole; a number may be the start of another.
      if (!state.outcome && typeof JSON.parse(data) !== 'object') return false
    } catch {
      return false
    }
    items.push(...added)
    return true
  }

  return {
    state,
    restore({ url, streamId, heartbeat = 0 }) {
      state.resumeUrl = url
      knownStreamId = streamId
      state.heartbeat = heartbeat
    },
    decode({ blocks, begins, unfinished }, responseUrl) {
      if (begins) {
        state.wasCut = false
        const replay = state.hasEvents && !(state.at ?? state.lastEventId)
        protocol.connected?.(memory, { replay, url: responseUrl })
      }
      const items: StreamEvent[] = []
      let hasProgressed = false
      for (const { type, data, id: ownId } of blocks) {
        // Nothing follows a terminal event.
        if (state.outcome) break
        let disposition: Disposition | undefined
        const atBefore = state.at
        if (data !== undefined) {
          const event = { type, data, id: nextLastEventId(state.lastEventId, ownId) }
          const countBefore = items.length
          state.hasEvents = true
          try {
            disposition = decodeEvent(event, items, responseUrl)
          } catch (cause) {
            items.length = countBefore
            return { items, hasProgressed, error: isStreamError(cause) ? cause : invalidDataError(event, label, cause) }
          }
        }
        const id = nextLastEventId(state.lastEventId, ownId, disposition)
        hasProgressed ||= !disposition && (id !== state.lastEventId || state.at !== atBefore)
        state.lastEventId = id
      }
      if (unfinished && !state.outcome) state.wasCut = !decodeLast(unfinished, items, responseUrl)
      return { items, hasProgressed }
    },
    invalidate(error) {
      state.outcome = error
    },
    endOfInput() {
      if (state.wasCut) return undefined
      return typeof eof === 'function' ? eof(memory) : eof === 'end' ? {} : undefined
    },
    cursorAt(lastEventId, position) {
      const { resumeUrl: url, heartbeat, outcome } = state
      // Behind its error event, resuming would only repeat the error.
      const hasFailed = isStreamError(outcome, 'server') && lastEventId === state.lastEventId
      if (!url || hasFailed) return undefined
      return mergeDefined<Cursor>({
        v: 2,
        url,
        protocol: protocol.name,
        streamId: knownStreamId,
        lastEventId: lastEventId || undefined,
        at: position.at,
        index: lastEventId ? position.nextIndex : undefined,
        heartbeat: heartbeat || undefined,
      })
    },
  }
}
