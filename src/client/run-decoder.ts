/** Decodes the events of a run: turns them into deltas in order, and into the outcome of the run. */
import { type Cursor, StreamError, isStreamError } from '../base/errors.ts'
import type { StreamEvent } from '../base/events.ts'
import { mergeDefined } from '../base/merge-defined.ts'
import type { Batch } from '../connect/connect.ts'
import type { Block } from '../sse/parse.ts'
import type { Protocol, ProtocolEvent, Step } from '../protocols/protocol.ts'
import { resolveResumeUrl } from '../request/resume-url.ts'
import { type Disposition, nextLastEventId } from '../source/last-event-id.ts'
import type { Decoded } from './kind.ts'
import { RunEvent, type RunPosition, nextIndexAt } from './run-position.ts'
import { invalidDataError } from './validate.ts'

/** How a run ended well. */
export interface RunEnd {
  finishReason?: string | undefined
  rawFinishReason?: string | undefined
  usage?: unknown
}

/** What a run is known to be so far. */
export interface RunState {
  lastEventId: string
  /** Whether any event was received. */
  hasEvents: boolean
  /** URL from which the run can be read again. */
  resumeUrl: string | undefined
  /** Heartbeat interval that the server announces, in milliseconds; 0 if it announces none. */
  heartbeat: number
  /** How the run ended, as the server said, or because an event was invalid. */
  outcome: RunEnd | StreamError | undefined
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
  /** Returns the cursor after `lastEventId`, where `position` has the index; `undefined` if the run cannot be resumed. */
  cursorAt(lastEventId: string | undefined, position: RunPosition): Cursor | undefined
}

/** The step of an event for which the protocol has none. */
const PASS = { type: 'pass' } as const

/** Creates a decoder; `label` names the request in messages. With `startCursor`, it continues an earlier run. */
export function createRunDecoder<Delta>(
  protocol: Protocol<Delta>,
  label: string,
  startCursor: Cursor | undefined,
): RunDecoder {
  const { resumable } = protocol
  const isMidway = !!startCursor?.lastEventId
  const memory = {}
  const state: RunState = {
    lastEventId: startCursor?.lastEventId ?? '',
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
    if (!resumable || index === undefined) return true
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
    const { streamId, resume, heartbeat = 0 } = step
    const isUnknown = streamId === undefined || knownStreamId === undefined
    const isOther = isUnknown ? hasStarted && hasDeltas : streamId !== knownStreamId
    if (resumable && isOther) throw new StreamError('expired', 'The server answered with a different run (streamId)')
    if (hasStarted) return false
    hasStarted = true
    if (resumable && resume) state.resumeUrl = resolveResumeUrl(resume, responseUrl)
    knownStreamId ??= streamId
    state.heartbeat = heartbeat > 0 ? heartbeat : 0
    return true
  }
  /** Returns an event that is no delta, for the consumers. Only the native protocol requires JSON; others may send `[DONE]`. */
  const pass = ({ type, data, id }: ProtocolEvent): StreamEvent => {
    let parsed: unknown = data
    try {
      parsed = JSON.parse(data)
    } catch (cause) {
      if (resumable) throw invalidDataError({ type, id }, label, cause)
    }
    return new RunEvent(type, parsed, id, nextIndex)
  }
  /** Applies a step, and appends what it makes of its event for the consumers, if anything. */
  const apply = (step: Step<Delta>, event: ProtocolEvent, items: StreamEvent[], responseUrl: string): void => {
    if (step.type === 'delta') {
      const { delta, index, count } = step
      if (!acceptIndex(index, count)) return
      hasDeltas = true
      items.push(new RunEvent('delta', delta, event.id, nextIndex, protocol.text?.(delta) ?? ''))
    } else if (step.type === 'error') {
      const { message, code: serverCode, retryable = false } = step
      state.outcome = new StreamError('server', message, { serverCode, retryable })
    } else {
      if (step.type === 'end') state.outcome = step
      else if (!(step.type === 'pass' ? acceptIndex(step.index, step.count) : start(step, responseUrl))) return
      items.push(pass(event))
    }
  }
  /** Appends the items of one event. Returns why the event does not count as new, if it does not. */
  const decodeEvent = (event: ProtocolEvent, items: StreamEvent[], responseUrl: string): Disposition | undefined => {
    const countBefore = items.length
    const steps = protocol.map(event, memory) ?? PASS
    if (!('length' in steps)) apply(steps, event, items, responseUrl)
    else for (const step of steps.length ? steps : [PASS]) apply(step, event, items, responseUrl)
    return event.type === 'start' || items.length === countBefore ? 'handshake' : undefined
  }

  /** Decodes a block without its blank line. Returns whether its payload is whole: JSON, or the end of the run. */
  const decodeLast = ({ type, data = '' }: Block, items: StreamEvent[], responseUrl: string): boolean => {
    if (protocol.eof === 'end' || resumable) return false
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
      if (begins) state.wasCut = false
      const items: StreamEvent[] = []
      let hasProgressed = false
      for (const { type, data, id: ownId } of blocks) {
        // Nothing follows a terminal event.
        if (state.outcome) break
        let disposition: Disposition | undefined
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
        hasProgressed ||= !disposition && id !== state.lastEventId
        state.lastEventId = id
      }
      if (unfinished && !state.outcome) state.wasCut = !decodeLast(unfinished, items, responseUrl)
      return { items, hasProgressed }
    },
    invalidate(error) {
      state.outcome = error
    },
    cursorAt(lastEventId, position) {
      const { resumeUrl: url, heartbeat } = state
      if (!url) return undefined
      return mergeDefined<Cursor>({
        v: 2,
        url,
        protocol: protocol.name,
        streamId: knownStreamId,
        lastEventId: lastEventId || undefined,
        index: lastEventId ? position.nextIndex : undefined,
        heartbeat: heartbeat || undefined,
      })
    },
  }
}
