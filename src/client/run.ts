/** A run: a finite stream of deltas between a start and an end, which is complete only if its end was seen. */
import { resolveAddress } from '../base/url.ts'
import { type Cursor, StreamError, isStreamError } from '../base/errors.ts'
import { guard } from '../base/report-error.ts'
import { createUuid } from '../base/uuid.ts'
import type { EventOf, On } from '../base/events.ts'
import type { RunOptions } from '../request/options.ts'
import { type TextDelta, native } from '../protocols/native.ts'
import type { Protocol } from '../protocols/protocol.ts'
import { type Target, createRequester, isRefusal } from '../request/request.ts'
import { requestStop } from './cancel-run.ts'
import { createSession } from './stream.ts'
import type { KindDefaults, Settings } from '../request/resolve-options.ts'
import type { StreamState } from '../source/source.ts'
import { type End, createTranscript, indexAt } from './run-decoder.ts'
import type { PendingEvent } from './validate.ts'

/** What a complete run came to. */
export interface RunResult {
  /** The text of all its deltas, this stream's own: what was read before a resume is where the cursor came from. */
  readonly text: string
  /** `stop`, `length`, `cancelled`, or what a foreign server calls it. */
  readonly finishReason: string | undefined
  /** What the server says that it used. */
  readonly usage?: unknown
}

/** A finite stream, iterated for its deltas. It starts in the microtask after it was made, and can be iterated once. */
export interface Run<Delta = TextDelta, Events extends object = Record<string, unknown>> extends AsyncIterable<Delta> {
  /** Adds a listener for one type of event, `delta` for the deltas; returns what removes it. */
  on: On<Events>
  /** Iterates the events that are not deltas, instead of the deltas. */
  events(): AsyncIterableIterator<EventOf<Events>, undefined>
  /** The text so far: of the deltas that the loop has taken, or, without a loop, of all received. */
  readonly text: string
  /** Where the run's connection is; `onStateChange` hears of each change. */
  readonly state: StreamState
  /** Where to go on from, once the server has said where that is: after what `text` has. */
  readonly cursor: Cursor | undefined
  /**
   * The whole answer, once its end was seen. Rejects with a `StreamError` that has the `partial` text and a `cursor`,
   * with an `AbortError` after `detach()` or a loop that was left early, and with `signal.reason` after an abort.
   */
  final(): Promise<RunResult>
  /**
   * Stops the run on the server; `final()` then resolves with `finishReason: 'cancelled'` and the text so far, unless
   * the run ended before. Resolves once the server has confirmed; rejects with a `StreamError` where it has not.
   */
  cancel(): Promise<void>
  /** Lets go of the connection; the run goes on at the server, and can be resumed from `cursor`. Idempotent. */
  detach(): void
}

/** How far somebody is: behind this text, before the delta with the index that is due. */
interface Place {
  text: string
  lastEventId: string | undefined
  due: number | undefined
}

/** What a run is made with. */
export type RunSettings<Delta> = Settings &
  Pick<RunOptions<Delta>, 'protocol' | 'schema' | 'idempotencyKey' | 'detachBehavior'>

export const runDefaults: KindDefaults = { retry: 5, connectTimeout: 60_000 }

/** How long a run that was cancelled may take to say so (milliseconds). */
const FAREWELL = 5_000

/** @throws TypeError on a URL or body that can't be requested */
export function createRun<Delta, Events extends object>(
  url: string | URL,
  settings: RunSettings<Delta>,
  from: Cursor | undefined,
  onClosed: () => void,
): Run<Delta, Events> {
  const { protocol = native() as Protocol<unknown> as Protocol<Delta>, detachBehavior, persist } = settings
  const { idempotencyKey = createUuid() } = settings
  const key = protocol.resumable && idempotencyKey
  const requester = createRequester(url, settings, !from)
  const [transcript, transcribe] = createTranscript(protocol, from && { ...from, url: requester.url })
  let address = requester.url // what answered
  let kept: string | undefined // the address that a later page can go on with
  let invalid: StreamError | undefined
  let skipped: number | undefined // the index that is due after what was invalid
  const begin = (): Place => ({ text: '', lastEventId: from?.lastEventId, due: indexAt(from) })
  const received = begin()
  let taken: Place | undefined // by a loop
  let cancelling: Promise<void> | undefined
  let awaited = false
  let resolve!: (result: RunResult) => void
  let reject!: (reason: unknown) => void
  const result = new Promise<RunResult>((...settlers) => ([resolve, reject] = settlers))
  result.catch(() => {}) // nobody has to await it: failures are announced

  /** Goes on behind an item; returns something where that is a delta. */
  const pass = (place: Place, item: PendingEvent): object | undefined => {
    const delta = transcript.deltas.get(item)
    if (delta) {
      place.text += delta.text
      place.due = delta.due
    }
    place.lastEventId = item.id
    return delta
  }
  const cursor = (lastEventId: string | undefined, { due: index } = received): Cursor | undefined => {
    const { resume: url, heartbeat } = transcript
    return url
      ? {
          url,
          ...(lastEventId && { lastEventId, ...(index !== undefined && { index }) }),
          ...(heartbeat && { heartbeat }),
        }
      : undefined
  }
  const target = (): Target => ({
    url: transcript.resume,
    ...(!transcript.resume && key && { headers: { 'idempotency-key': key } }),
  })
  const complete = ({ finishReason, usage }: End): void => {
    end()
    resolve({ text: received.text, finishReason, ...(usage !== undefined && { usage }) })
  }
  const completeCancelled = (): void => complete({ finishReason: 'cancelled' })
  const fail = (error: StreamError): void => {
    Object.assign(error, { partial: received.text, cursor: cursor(error.lastEventId ?? source.lastEventId) })
    reject(error)
    // A later page may have more luck with a connection, or with credentials.
    end(error, error.code === 'server' || !(error.retryable || error.code === 'auth'))
  }
  const ended = (retryable: boolean): StreamError | undefined =>
    protocol.eof === 'end' ? undefined : new StreamError('truncated', `Cut: ${requester.name}`, { retryable })

  const { source, delivery, restored, expectHeartbeat, complain, end, leave } = createSession<PendingEvent>(
    requester,
    settings,
    { lastEventId: from?.lastEventId, whole: true, onClosed },
    {
      restore:
        persist && !from
          ? ({ url, heartbeat = 0 }) => {
              kept = transcript.resume = resolveAddress(url, requester.url)
              transcript.heartbeat = heartbeat
              if (heartbeat) expectHeartbeat(heartbeat)
            }
          : undefined,
      target,
      // A run is never started twice: it is resumed, or joined by its key, or was refused before it began.
      repeatable: (error) => !!transcript.resume || (!transcript.begun && (!!key || isRefusal(error))),
      refusal: (status) => (transcript.resume && (status === 404 || status === 410) ? 'expired' : 'http'),
      opened(connection) {
        address = connection.url
      },
      event(event, items) {
        const seen = transcribe(event, address)
        items.push(...seen)
        expectHeartbeat(transcript.heartbeat)
        return event.type === 'start' || !seen.length ? 'greeting' : undefined
      },
      received(items) {
        for (const item of items) pass(received, item)
      },
      invalid(error, event) {
        invalid = error
        skipped = transcript.deltas.get(event)?.due
        return true
      },
      flushed() {
        const { resume } = transcript
        if (resume && resume !== kept) {
          kept = resume
          guard((place) => place?.save(cursor('')!), persist)
        }
        received.due = skipped ?? received.due
        const outcome = invalid ?? transcript.outcome
        if (isStreamError(outcome)) fail(outcome)
        else if (outcome) complete(outcome)
      },
      ended: () => ended(true),
      // Without an error it was a 204: there is no more.
      settled(error = ended(false)) {
        // A run that was cancelled has nothing more to say.
        if (cancelling) completeCancelled()
        else if (error) fail(error)
        else complete({})
      },
      aborted(error) {
        const { status } = source.state
        reject(error)
        leave({ error })
        if (detachBehavior === 'cancel' && status !== 'idle') cancel().catch(complain)
      },
      isConsumed: () => awaited,
    },
  )

  // Our protocol's `start` follows the head at once: a connection that dies between them would never be missed.
  expectHeartbeat(transcript.heartbeat || (protocol.resumable ? settings.connectTimeout / 3 : 0))

  const stop = async (): Promise<void> => {
    if (transcript.outcome) return
    // Nothing has been sent yet, or nobody takes a DELETE: letting go is all there is.
    if (source.state.status === 'idle') return completeCancelled()
    await restored()
    if (!(transcript.resume || key)) return completeCancelled()
    try {
      await requestStop(requester, settings, target())
      guard((place) => place?.clear(), persist)
      // The first terminal event wins; but it may be stuck behind a loop that no longer turns.
      const cancelFarewell = settings.clock.after(FAREWELL, completeCancelled)
      result.then(cancelFarewell, cancelFarewell)
    } catch (error) {
      completeCancelled()
      throw error
    }
  }
  const cancel = (): Promise<void> => {
    cancelling ??= stop()
    cancelling.catch(() => {}) // whoever awaits it hears of it
    return cancelling
  }
  const detach = (): void => {
    reject(new DOMException(`Detached: ${requester.name}`, 'AbortError'))
    leave()
  }
  const onReturn = (): void => {
    if (detachBehavior !== 'cancel') return detach()
    cancel().catch(complain)
    delivery.stop()
  }

  const iterate = <Value>(isWanted: (delta?: object) => unknown, valueOf: (item: PendingEvent) => Value) => {
    const loop = delivery.iterate((item) => (isWanted(pass(taken!, item)) ? valueOf(item) : undefined), onReturn)
    taken = begin()
    return loop
  }

  return {
    on: (type, listener, options) => delivery.on(type, listener, options),
    events: () =>
      iterate(
        (delta) => !delta,
        (item) => item as EventOf<Events>,
      ),
    get text() {
      return (taken ?? received).text
    },
    get state() {
      return source.state
    },
    get cursor() {
      const place = taken ?? received
      return cursor(place.lastEventId, place)
    },
    final() {
      awaited = true
      delivery.flow()
      return result
    },
    cancel,
    detach,
    [Symbol.asyncIterator]: () =>
      iterate(
        (delta) => delta,
        (item) => item.data as Delta,
      ),
  }
}
