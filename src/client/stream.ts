/** What feeds and runs have in common: reads batches from a source, validates and delivers them, and ends. */
import { onAbort } from '../base/abort-listeners.ts'
import { StreamError, isStreamError } from '../base/errors.ts'
import type { Schemas, StreamEvent } from '../base/events.ts'
import { callSafely, reportUncaughtError } from '../base/report-error.ts'
import type { Batch, Connection } from '../connect/connect.ts'
import type { RequestBuilder } from '../request/request.ts'
import type { ResolvedOptions } from '../request/resolve-options.ts'
import { checkResponse } from '../source/check-response.ts'
import { type Observer, createObserver } from '../source/record.ts'
import { clampDelay } from '../source/retry.ts'
import { type Source, createSource } from '../source/source.ts'
import { type Dispatcher, createDispatcher } from './dispatcher.ts'
import type { Ending, Kind } from './kind.ts'
import { splitAtComments } from './split-at-comments.ts'
import { validateEvents } from './validate.ts'

export interface StreamSetup {
  readonly options: ResolvedOptions & { schema?: Schemas | undefined }
  readonly request: RequestBuilder
  readonly kind: Kind
  /** Whether a loop must receive every event of the stream. */
  readonly mustIterateFromStart: boolean
  /** Called when the last event ID delivered has changed. */
  onDelivered?: (() => void) | undefined
  /** Called once the stream has ended and everything was delivered. */
  onClosed?: (() => void) | undefined
}

export interface Stream {
  readonly source: Source
  readonly dispatcher: Dispatcher
  readonly observe: Observer | undefined
  /** Settles when the cursor of an earlier page was loaded; `undefined` if that has not begun. */
  whenRestored(): Promise<void> | undefined
  /**
   * Sets the heartbeat interval that the server announces, in milliseconds; 0 if it announces none. `option` names what
   * limits the silence, for messages.
   */
  expectHeartbeat(ms: number, option?: 'connectTimeout'): void
  /** Reports an error that does not end the stream, or that has no other receiver. */
  emitError(error: StreamError): void
  /** Calls `listener` after each read that has brought events and each change of the status, until the returned call. */
  subscribe(listener: () => void): () => void
  /** Connects again at once. Returns `false`, and does nothing, if the stream may not. */
  reconnect(): boolean
  /** Ends the stream. What is queued is still delivered, and then the error, if any. */
  finish(ending: Ending): void
  /** Ends the stream at once. */
  close(failure?: { error: unknown }): void
}

/** Creates a stream. It starts in the next microtask, unless it was closed by then. */
export function createStream(setup: StreamSetup): Stream {
  const { options, request, kind } = setup
  const { signal, schema, persist, onStateChange, onError, onComment, clock } = options
  const { label } = request
  const observe = options.instrument && createObserver(options.instrument, label)
  /** `ending`: a later page can continue with what is queued alone; `cleared`: there is nothing to continue. */
  let persistState: 'saved' | 'ending' | 'cleared' = 'saved'
  let isEnded = false
  const subscribers = new Set<() => void>()
  let restoring: Promise<void> | undefined
  let partialBytes = 0 // bytes of an event that was not read whole yet

  const notify = (): void => {
    for (const subscriber of subscribers) callSafely(subscriber, undefined)
  }
  const emitError = (error: StreamError): void => {
    if (!isEnded) observe?.({ type: 'error', error })
    if (onError) callSafely(onError, error)
    else reportUncaughtError(error)
  }
  const handleAbort = (): void => kind.onAbort(signal?.reason)
  const removeAbortListener = signal && onAbort(signal, handleAbort)
  const dispatcher = createDispatcher(
    options.queue,
    setup.mustIterateFromStart,
    () => {
      removeAbortListener?.()
      if (persistState === 'ending') {
        persistState = 'cleared'
        callSafely((store) => store?.clear(), persist)
        if (persist) observe?.({ type: 'cursor', action: 'cleared' })
      }
      setup.onClosed?.()
    },
    () => persistState !== 'cleared' && setup.onDelivered?.(),
  )
  const restore = async (): Promise<void> => {
    const cursor = await persist?.load(kind.identity)
    if (cursor) kind.restore?.(cursor)
  }
  const reportStoreFailure = (error: unknown): void => {
    // The cursor belongs to another request: neither its run nor a second one is what the application has asked for.
    if (isStreamError(error, 'expired')) throw error
    reportUncaughtError(error)
  }
  const source = createSource(
    { ...options, observe },
    {
      label,
      async request(context) {
        if (kind.restore) await (restoring ??= restore().catch(reportStoreFailure))
        const built = await request.build(context, { lastEventId: kind.lastEventId, ...kind.overrides() })
        observe?.({ type: 'request', method: built.method, lastEventId: built.lastEventId })
        return built
      },
      checkResponse: (connection, sentRequest) =>
        checkResponse(connection, sentRequest, options, /^204$/, !!kind.overrides().url),
      isRepeatable: kind.isRepeatable,
      onBatch: (batch, connection) => (batch.comments && onComment ? receiveWithComments : receive)(batch, connection),
      endOfConnection: kind.endOfConnection,
      onStateChange(state) {
        observe?.({ type: 'state', state })
        callSafely(onStateChange, state)
        notify()
      },
      onEnd: (error) => isEnded || finish(kind.onSourceEnded(error)),
    },
  )

  const finish = ({ error, isFinal }: Ending): void => {
    isEnded = true
    // A stream that has sent nothing knows nothing of the stored cursor.
    if (isFinal && source.state.status !== 'idle') persistState = 'ending'
    if (isStreamError(error)) Object.assign(error, { lastEventId: kind.lastEventId, ...error })
    source.finish(error)
    dispatcher.finish(error && { error })
    if (!error) return
    if (onError) emitError(error)
    // The stream may be about to get a consumer.
    else clock.after(0, () => dispatcher.mode === 'iterating' || kind.isAwaited() || reportUncaughtError(error))
  }
  /** Delivers the events of a batch. Resolves as `SourceHooks.onBatch` does. */
  const receive = (batch: Batch, connection: Connection): Promise<StreamError | void> | void => {
    const { items, hasProgressed, error } = kind.decode(batch, connection)
    if (hasProgressed) source.progress()
    const { blocks, comments } = batch
    if (observe && (batch.bytes || blocks.length))
      observe({
        type: 'read',
        events: items.length,
        bytes: batch.bytes,
        comments: comments?.length ?? 0,
        blocks: () => blocks,
      })
    const bytes = partialBytes + batch.bytes
    partialBytes = items.length ? 0 : bytes
    const accept = (valid: StreamEvent[]): Promise<void> | undefined => {
      if (isEnded) return undefined
      const ending = kind.onReceived(valid)
      const backpressure = dispatcher.accept(valid, bytes, kind.lastEventId)
      if (valid.length) notify()
      if (ending && !isEnded) finish(ending)
      else if (backpressure) observe?.({ type: 'backpressure', released: backpressure })
      return backpressure
    }
    const onInvalid = (failure: StreamError, item: StreamEvent): boolean => isEnded || kind.onInvalid(failure, item)
    const accepted =
      schema && items.length ? validateEvents(items, schema, label, onInvalid).then(accept) : accept(items)
    return error ? Promise.resolve(accepted).then(() => error) : accepted
  }
  /** Delivers the events and the comments of a batch in wire order. */
  const receiveWithComments = async (batch: Batch, connection: Connection): Promise<StreamError | void> => {
    for (const part of splitAtComments(batch)) {
      const error = await receive(part.batch, connection)
      if (error) return error
      if (part.comment !== undefined && !isEnded) callSafely(onComment, part.comment)
    }
  }
  const start = (): void => {
    if (signal?.aborted && source.state.status === 'idle') handleAbort()
    else source.start()
  }
  queueMicrotask(start)

  return {
    source,
    dispatcher,
    observe,
    whenRestored: () => restoring,
    expectHeartbeat(ms, option) {
      if (options.idleTimeout === undefined) source.setIdleTimeout(ms > 0 ? 3 * clampDelay(ms) : Infinity, option)
    },
    emitError,
    subscribe(listener) {
      // A listener that is added twice is called twice.
      const subscriber = (): void => listener()
      subscribers.add(subscriber)
      return () => subscribers.delete(subscriber)
    },
    reconnect() {
      const isOpen = source.state.status === 'open'
      const lost = new StreamError('network', `Reconnecting: ${label}`, { retryable: true })
      return (!isOpen || kind.isRepeatable(lost)) && source.reconnect()
    },
    finish,
    close(failure) {
      if (!isEnded) observe?.({ type: 'close', isAbort: !!failure })
      isEnded = true
      if (persistState === 'ending') persistState = 'saved'
      source.close()
      dispatcher.close(failure)
    },
  }
}
