/** Creates runs: reads deltas until the terminal event, resumes after interruptions, and cancels on request. */
import { type Cursor, StreamError, isStreamError } from '../base/errors.ts'
import type { EventOf } from '../base/events.ts'
import { callSafely } from '../base/report-error.ts'
import { resolveUrl } from '../base/url.ts'
import { createUuid } from '../base/uuid.ts'
import { native } from '../protocols/native.ts'
import type { Protocol } from '../protocols/protocol.ts'
import { type RequestOverrides, createRequestBuilder, isSafeToRepeat } from '../request/request.ts'
import type { KindDefaults, ResolvedOptions } from '../request/resolve-options.ts'
import type { RunOptions } from '../request/stream-options.ts'
import { cancelRun } from './cancel-run.ts'
import { type RunEnd, createRunDecoder, nextIndexOf } from './run-decoder.ts'
import type { Run, RunResult } from './run.ts'
import { createStream } from './stream.ts'
import type { PendingEvent } from './validate.ts'

/** A read position: the text so far, the last event ID, and the index of the next expected delta. */
interface ReadPosition {
  text: string
  lastEventId: string | undefined
  nextIndex: number | undefined
}

/** Resolved options of a run. */
export type ResolvedRunOptions<Delta> = ResolvedOptions &
  Pick<RunOptions<Delta>, 'protocol' | 'schema' | 'idempotencyKey' | 'detachBehavior'>

/** Defaults for runs: the retry limit, and the timeout in milliseconds. */
export const runDefaults: KindDefaults = { retry: 5, connectTimeout: 60_000 }

/** Adds the query parameter that asks for deltas one by one (PROTOCOL.md, 3.8). */
const withoutCompaction = (url: string): string => `${url}${url.includes('?') ? '&' : '?'}compact=0`

/** Milliseconds within which a cancelled run should deliver its terminal event. */
const CANCEL_GRACE_MS = 5_000

/**
 * Creates a run that starts at `startCursor` or, if that is `undefined`, at the beginning.
 * @throws TypeError if the URL cannot be requested or the body cannot be sent
 */
export function createRun<Delta, Events extends object>(
  url: string | URL,
  options: ResolvedRunOptions<Delta>,
  startCursor: Cursor | undefined,
  onClosed: () => void,
): Run<Delta, Events> {
  const { protocol = native() as Protocol<unknown> as Protocol<Delta>, detachBehavior, persist } = options
  const { idempotencyKey = createUuid() } = options
  if (startCursor?.protocol !== undefined && startCursor.protocol !== protocol.name)
    throw new TypeError(`The cursor belongs to the protocol "${startCursor.protocol}", not "${protocol.name}"`)
  const key = protocol.resumable && idempotencyKey
  const requestBuilder = createRequestBuilder(url, options, !startCursor)
  const [decoder, decode] = createRunDecoder(protocol, startCursor && { ...startCursor, url: requestBuilder.url })
  let responseUrl = requestBuilder.url // after redirects
  let savedUrl: string | undefined // resume URL that `persist` has stored
  let invalidError: StreamError | undefined
  let indexAfterInvalid: number | undefined // index of the delta expected after the invalid event
  const startPosition = (): ReadPosition => ({
    text: '',
    lastEventId: startCursor?.lastEventId,
    nextIndex: nextIndexOf(startCursor),
  })
  const received = startPosition()
  let iterated: ReadPosition | undefined // position of the loop, if any
  let cancelling: Promise<void> | undefined
  let isAwaited = false
  let resolve!: (result: RunResult) => void
  let reject!: (reason: unknown) => void
  const result = new Promise<RunResult>((...settlers) => ([resolve, reject] = settlers))
  result.catch(() => {}) // awaiting `final()` is optional: `finish()` reports failures

  /** Moves a position past an item. Returns the decoded delta, or `undefined` if the item is not a delta. */
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
    const { resumeUrl: url, heartbeat, streamId } = decoder
    return url
      ? {
          v: 2,
          url,
          ...(protocol.name && { protocol: protocol.name }),
          ...(streamId && { streamId }),
          ...(lastEventId && { lastEventId, ...(index !== undefined && { index }) }),
          ...(heartbeat && { heartbeat }),
        }
      : undefined
  }
  const requestOverrides = (): RequestOverrides => ({
    url: decoder.needsSingleDeltas ? withoutCompaction(decoder.resumeUrl!) : decoder.resumeUrl,
    ...(!decoder.resumeUrl && key && { headers: { 'idempotency-key': key } }),
  })
  const succeed = ({ finishReason, rawFinishReason, usage }: RunEnd): void => {
    finish()
    resolve({
      text: received.text,
      finishReason,
      ...(rawFinishReason !== undefined && { rawFinishReason }),
      ...(usage !== undefined && { usage }),
    })
  }
  const succeedAsCancelled = (): void => succeed({ finishReason: 'cancelled' })
  const fail = (error: StreamError): void => {
    Object.assign(error, { partial: received.text, cursor: cursor(error.lastEventId ?? source.lastEventId) })
    reject(error)
    // The failure is not final if a later page load could resume the run, with a better connection or new credentials.
    finish(error, error.code === 'server' || !(error.retryable || error.code === 'auth'))
  }
  const truncatedError = (retryable: boolean): StreamError | undefined =>
    protocol.eof === 'end'
      ? undefined
      : new StreamError('truncated', `Run ended before its terminal event: ${requestBuilder.label}`, { retryable })

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
          ? ({ url, streamId, heartbeat = 0 }) => {
              savedUrl = decoder.resumeUrl = resolveUrl(url, requestBuilder.url)
              decoder.streamId = streamId
              decoder.heartbeat = heartbeat
              if (heartbeat) expectHeartbeat(heartbeat)
            }
          : undefined,
      requestOverrides,
      // A repeated request never starts a second run: it resumes the run, joins it by idempotency key, or replaces a
      // request that the server refused.
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
      // Without an error, the response was a 204: nothing follows.
      onEnd(error = truncatedError(false)) {
        // After `cancel()`, any end is a success.
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

  // The native protocol sends `start` right after the response headers. Until `start` announces the heartbeat interval,
  // a substitute interval detects a connection that dies in between.
  expectHeartbeat(decoder.heartbeat || (protocol.resumable ? options.connectTimeout / 3 : 0))

  const requestCancel = async (): Promise<void> => {
    if (decoder.outcome) return
    // If nothing has been sent yet, or the server does not support DELETE, closing the connection is enough.
    if (source.state.status === 'idle') return succeedAsCancelled()
    await whenRestored()
    if (!(decoder.resumeUrl || key)) return succeedAsCancelled()
    try {
      await cancelRun(requestBuilder, options, requestOverrides())
      callSafely((store) => store?.clear(), persist)
      // The terminal event normally ends the run, but may be stuck in the queue of a loop that has stopped reading.
      const cancelGrace = options.clock.after(CANCEL_GRACE_MS, succeedAsCancelled)
      result.then(cancelGrace, cancelGrace)
    } catch (error) {
      succeedAsCancelled()
      throw error
    }
  }
  const cancel = (): Promise<void> => {
    cancelling ??= requestCancel()
    cancelling.catch(() => {}) // awaiting `cancel()` is optional
    return cancelling
  }
  const detach = (): void => {
    reject(new DOMException(`Run detached: ${requestBuilder.label}`, 'AbortError'))
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
