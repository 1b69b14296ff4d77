/** A run: a finite stream of deltas, complete only if its terminal event was received. */
import { resolveUrl } from '../base/url.ts'
import { type Cursor, StreamError, isStreamError } from '../base/errors.ts'
import { callSafely } from '../base/report-error.ts'
import { createUuid } from '../base/uuid.ts'
import type { EventOf, AddListener } from '../base/events.ts'
import type { RunOptions } from '../request/stream-options.ts'
import { type TextDelta, native } from '../protocols/native.ts'
import type { Protocol } from '../protocols/protocol.ts'
import { type RequestOverrides, createRequestBuilder, isSafeToRepeat } from '../request/request.ts'
import { cancelRun } from './cancel-run.ts'
import { createStream } from './stream.ts'
import type { KindDefaults, ResolvedOptions } from '../request/resolve-options.ts'
import type { StreamState } from '../source/source.ts'
import { type RunEnd, createRunDecoder, nextIndexOf } from './run-decoder.ts'
import type { PendingEvent } from './validate.ts'

/** The result of a complete run. */
export interface RunResult {
  /**
   * Text of all deltas that this run received. After `client.resume(cursor)` it does not include the text before the
   * cursor.
   */
  readonly text: string
  /** `stop`, `length`, `cancelled`, or a value from a third-party server. */
  readonly finishReason: string | undefined
  /** Usage as reported by the server. */
  readonly usage?: unknown
}

/**
 * A run: a finite stream of deltas. It starts in the microtask after its creation and can be iterated once.
 *
 * @example
 * ```ts
 * const run = client.stream('/api/generate', { json: { prompt: 'Hello' } })
 * for await (const { content } of run) console.log(content)
 * const { text } = await run.final() // rejects if the run is incomplete
 * ```
 */
export interface Run<Delta = TextDelta, Events extends object = Record<string, unknown>> extends AsyncIterable<Delta> {
  /**
   * Adds a listener for one type of event and returns a function that removes it. Deltas have the type `delta`.
   *
   * @example
   * ```ts
   * const run = client.stream<{ tool_call: { name: string } }>('/api/generate')
   * run.on('tool_call', ({ data }) => console.log(data.name))
   * ```
   */
  on: AddListener<Events>
  /**
   * Iterates over the events that are not deltas, instead of over the deltas.
   *
   * @throws TypeError if the run was iterated before, or if listeners or `final()` have already received events
   * @example
   * ```ts
   * for await (const { type, data } of run.events()) console.log(type, data)
   * ```
   */
  events(): AsyncIterableIterator<EventOf<Events>, undefined>
  /**
   * Text so far: of the deltas that the loop has taken or, without a loop, of all deltas received.
   *
   * @example
   * ```ts
   * for await (const _ of run) document.title = run.text
   * ```
   */
  readonly text: string
  /**
   * Current state of the run's connection. `onStateChange` is called when its `status` changes.
   *
   * @example
   * ```ts
   * if (run.state.status === 'waiting') console.log('Reconnecting', run.state.error?.code)
   * ```
   */
  readonly state: StreamState
  /**
   * Cursor to resume the run after `text`; `undefined` until the server has announced a resume URL.
   *
   * @example
   * ```ts
   * const stored = JSON.stringify({ text: run.text, cursor: run.cursor })
   * ```
   */
  readonly cursor: Cursor | undefined
  /**
   * Resolves with the result once the run is complete. Without a loop, calling `final()` consumes the run.
   *
   * @throws StreamError if the run fails, with its `partial` text and a `cursor`; `AbortError` after `detach()` or
   * when a loop was left early; `signal.reason` after an abort
   * @example
   * ```ts
   * const { text, finishReason, usage } = await run.final()
   * ```
   */
  final(): Promise<RunResult>
  /**
   * Cancels the run on the server and resolves once the server has confirmed this. `final()` then resolves with
   * `finishReason: 'cancelled'` and the text so far, unless the run had already ended.
   *
   * @throws StreamError if the server could not be reached or refused to cancel
   * @example
   * ```ts
   * stopButton.onclick = () => run.cancel()
   * ```
   */
  cancel(): Promise<void>
  /**
   * Closes the connection without cancelling the run, which continues on the server and can be resumed from `cursor`.
   * Idempotent.
   *
   * @example
   * ```ts
   * run.detach()
   * const rest = run.cursor && client.resume(run.cursor)
   * ```
   */
  detach(): void
}

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
  const key = protocol.resumable && idempotencyKey
  const requestBuilder = createRequestBuilder(url, options, !startCursor)
  const [decoder, decode] = createRunDecoder(protocol, startCursor && { ...startCursor, url: requestBuilder.url })
  let responseUrl = requestBuilder.url // after redirects
  let savedUrl: string | undefined // resume URL in `persist`
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
    // The failure is not final if a later page could still succeed with a better connection or new credentials.
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
          ? ({ url, heartbeat = 0 }) => {
              savedUrl = decoder.resumeUrl = resolveUrl(url, requestBuilder.url)
              decoder.heartbeat = heartbeat
              if (heartbeat) expectHeartbeat(heartbeat)
            }
          : undefined,
      requestOverrides,
      // A repeat never starts a second run: it resumes the run, joins it by idempotency key, or follows a refusal.
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
      // The terminal event normally ends the run, but may be stuck in the queue of a loop that has stopped.
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
