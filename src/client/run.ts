/** A run: a finite stream of deltas between a start and an end, which is complete only if its end was seen. */
import { resolveUrl } from '../base/url.ts'
import { type Cursor, StreamError, isStreamError } from '../base/errors.ts'
import { callSafely } from '../base/report-error.ts'
import { createUuid } from '../base/uuid.ts'
import type { EventOf, AddListener } from '../base/events.ts'
import type { RunOptions } from '../request/options.ts'
import { type TextDelta, native } from '../protocols/native.ts'
import type { Protocol } from '../protocols/protocol.ts'
import { type RequestOverrides, createRequestBuilder, isSafeToRepeat } from '../request/request.ts'
import { cancelRun } from './cancel-run.ts'
import { createStream } from './stream.ts'
import type { KindDefaults, ResolvedOptions } from '../request/resolve-options.ts'
import type { StreamState } from '../source/source.ts'
import { type RunEnd, createRunDecoder, nextIndexOf } from './run-decoder.ts'
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
  on: AddListener<Events>
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
interface ReadPosition {
  text: string
  lastEventId: string | undefined
  nextIndex: number | undefined
}

/** What a run is made with. */
export type ResolvedRunOptions<Delta> = ResolvedOptions &
  Pick<RunOptions<Delta>, 'protocol' | 'schema' | 'idempotencyKey' | 'detachBehavior'>

export const runDefaults: KindDefaults = { retry: 5, connectTimeout: 60_000 }

/** How long a run that was cancelled may take to say so (milliseconds). */
const CANCEL_GRACE_MS = 5_000

/** @throws TypeError on a URL or body that can't be requested */
export function createRun<Delta, Events extends object>(
  url: string | URL,
  options: ResolvedRunOptions<Delta>,
  startCursor: Cursor | undefined,
  onClosed: () => void,
): Run<Delta, Events> {
  const { protocol = native() as Protocol<unknown> as Protocol<Delta>, detachBehavior, persist } = options
  const { idempotencyKey = createUuid() } = options
  const key = protocol.resumable && idempotencyKey
  const requestBuilder = createRequestBuilder(url, options, !startCursor)
  const [decoder, decode] = createRunDecoder(protocol, startCursor && { ...startCursor, url: requestBuilder.url })
  let responseUrl = requestBuilder.url // what answered
  let savedUrl: string | undefined // the address that a later page can go on with
  let invalidError: StreamError | undefined
  let indexAfterInvalid: number | undefined // the index that is due after what was invalid
  const startPosition = (): ReadPosition => ({
    text: '',
    lastEventId: startCursor?.lastEventId,
    nextIndex: nextIndexOf(startCursor),
  })
  const received = startPosition()
  let iterated: ReadPosition | undefined // by a loop
  let cancelling: Promise<void> | undefined
  let isAwaited = false
  let resolve!: (result: RunResult) => void
  let reject!: (reason: unknown) => void
  const result = new Promise<RunResult>((...settlers) => ([resolve, reject] = settlers))
  result.catch(() => {}) // nobody has to await it: failures are announced

  /** Goes on behind an item; returns something where that is a delta. */
  const advance = (position: ReadPosition, item: PendingEvent): object | undefined => {
    const delta = decoder.deltas.get(item)
    if (delta) {
      position.text += delta.text
      position.nextIndex = delta.nextIndex
    }
    position.lastEventId = item.id
    return delta
  }
  const cursor = (lastEventId: string | undefined, { nextIndex: index } = received): Cursor | undefined => {
    const { resumeUrl: url, heartbeat } = decoder
    return url
      ? {
          url,
          ...(lastEventId && { lastEventId, ...(index !== undefined && { index }) }),
          ...(heartbeat && { heartbeat }),
        }
      : undefined
  }
  const requestOverrides = (): RequestOverrides => ({
    url: decoder.resumeUrl,
    ...(!decoder.resumeUrl && key && { headers: { 'idempotency-key': key } }),
  })
  const succeed = ({ finishReason, usage }: RunEnd): void => {
    finish()
    resolve({ text: received.text, finishReason, ...(usage !== undefined && { usage }) })
  }
  const succeedAsCancelled = (): void => succeed({ finishReason: 'cancelled' })
  const fail = (error: StreamError): void => {
    Object.assign(error, { partial: received.text, cursor: cursor(error.lastEventId ?? source.lastEventId) })
    reject(error)
    // A later page may have more luck with a connection, or with credentials.
    finish(error, error.code === 'server' || !(error.retryable || error.code === 'auth'))
  }
  const truncatedError = (retryable: boolean): StreamError | undefined =>
    protocol.eof === 'end' ? undefined : new StreamError('truncated', `Cut: ${requestBuilder.label}`, { retryable })

  const {
    source,
    dispatcher,
    whenRestored,
    expectHeartbeat,
    emitError,
    finish,
    close: closeStream,
  } = createStream<PendingEvent>(
    requestBuilder,
    options,
    { lastEventId: startCursor?.lastEventId, mustIterateFromStart: true, onClosed },
    {
      restoreCursor:
        persist && !startCursor
          ? ({ url, heartbeat = 0 }) => {
              savedUrl = decoder.resumeUrl = resolveUrl(url, requestBuilder.url)
              decoder.heartbeat = heartbeat
              if (heartbeat) expectHeartbeat(heartbeat)
            }
          : undefined,
      requestOverrides,
      // A run is never started twice: it is resumed, or joined by its key, or was refused before it began.
      isRepeatable: (error) => !!decoder.resumeUrl || (!decoder.hasEvents && (!!key || isSafeToRepeat(error))),
      codeForStatus: (status) => (decoder.resumeUrl && (status === 404 || status === 410) ? 'expired' : 'http'),
      onOpen(connection) {
        responseUrl = connection.url
      },
      onEvent(event, items) {
        const decoded = decode(event, responseUrl)
        items.push(...decoded)
        expectHeartbeat(decoder.heartbeat)
        return event.type === 'start' || !decoded.length ? 'handshake' : undefined
      },
      onReceived(items) {
        for (const item of items) advance(received, item)
      },
      onInvalid(error, event) {
        invalidError = error
        indexAfterInvalid = decoder.deltas.get(event)?.nextIndex
        return true
      },
      onBatchDelivered() {
        const { resumeUrl } = decoder
        if (resumeUrl && resumeUrl !== savedUrl) {
          savedUrl = resumeUrl
          callSafely((store) => store?.save(cursor('')!), persist)
        }
        received.nextIndex = indexAfterInvalid ?? received.nextIndex
        const outcome = invalidError ?? decoder.outcome
        if (isStreamError(outcome)) fail(outcome)
        else if (outcome) succeed(outcome)
      },
      onConnectionEnd: () => truncatedError(true),
      // Without an error it was a 204: there is no more.
      onEnd(error = truncatedError(false)) {
        // A run that was cancelled has nothing more to say.
        if (cancelling) succeedAsCancelled()
        else if (error) fail(error)
        else succeed({})
      },
      onAbort(error) {
        const { status } = source.state
        reject(error)
        closeStream({ error })
        if (detachBehavior === 'cancel' && status !== 'idle') cancel().catch(emitError)
      },
      isConsumed: () => isAwaited,
    },
  )

  // Our protocol's `start` follows the head at once: a connection that dies between them would never be missed.
  expectHeartbeat(decoder.heartbeat || (protocol.resumable ? options.connectTimeout / 3 : 0))

  const requestCancel = async (): Promise<void> => {
    if (decoder.outcome) return
    // Nothing has been sent yet, or nobody takes a DELETE: letting go is all there is.
    if (source.state.status === 'idle') return succeedAsCancelled()
    await whenRestored()
    if (!(decoder.resumeUrl || key)) return succeedAsCancelled()
    try {
      await cancelRun(requestBuilder, options, requestOverrides())
      callSafely((store) => store?.clear(), persist)
      // The first terminal event wins; but it may be stuck behind a loop that no longer turns.
      const cancelGrace = options.clock.after(CANCEL_GRACE_MS, succeedAsCancelled)
      result.then(cancelGrace, cancelGrace)
    } catch (error) {
      succeedAsCancelled()
      throw error
    }
  }
  const cancel = (): Promise<void> => {
    cancelling ??= requestCancel()
    cancelling.catch(() => {}) // whoever awaits it hears of it
    return cancelling
  }
  const detach = (): void => {
    reject(new DOMException(`Detached: ${requestBuilder.label}`, 'AbortError'))
    closeStream()
  }
  const onReturn = (): void => {
    if (detachBehavior !== 'cancel') return detach()
    cancel().catch(emitError)
    dispatcher.close()
  }

  const iterate = <Value>(isWanted: (delta?: object) => unknown, valueOf: (item: PendingEvent) => Value) => {
    const loop = dispatcher.iterate(
      (item) => (isWanted(advance(iterated!, item)) ? valueOf(item) : undefined),
      onReturn,
    )
    iterated = startPosition()
    return loop
  }

  return {
    on: (type, listener, options) => dispatcher.on(type, listener, options),
    events: () =>
      iterate(
        (delta) => !delta,
        (item) => item as EventOf<Events>,
      ),
    get text() {
      return (iterated ?? received).text
    },
    get state() {
      return source.state
    },
    get cursor() {
      const position = iterated ?? received
      return cursor(position.lastEventId, position)
    },
    final() {
      isAwaited = true
      dispatcher.startFlowing()
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
