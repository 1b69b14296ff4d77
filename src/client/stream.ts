/** What feeds and runs have in common: from a source's events to consumers, with callbacks, schemas and an abort signal. */
import type { Cursor, StreamError } from '../base/errors.ts'
import type { Schemas } from '../base/events.ts'
import { callSafely, reportUncaughtError } from '../base/report-error.ts'
import type { Connection } from '../connect/connect.ts'
import type { RequestBuilder, RequestOverrides } from '../request/request.ts'
import type { ResolvedOptions } from '../request/resolve-options.ts'
import { type ResponseCheckOptions, assertEventStream } from '../source/check-response.ts'
import { clampDelay, nextRetry } from '../source/retry.ts'
import { type EventDisposition, type RawEvent, type Source, type SourceHooks, createSource } from '../source/source.ts'
import { type Dispatcher, createDispatcher } from './dispatcher.ts'
import { type PendingEvent, validateEvents } from './validate.ts'

/** What makes a stream a feed, or a run. */
export interface StreamHooks<Item>
  extends Pick<SourceHooks, 'onConnectionEnd'>, Pick<ResponseCheckOptions, 'codeForStatus'> {
  /** Whether the request may be sent once more after this failure. */
  isRepeatable(error: StreamError): boolean | undefined
  /** Begins where an earlier page was; absent: this stream knows where. */
  restoreCursor: ((cursor: Cursor) => void) | undefined
  /** The last event ID delivered has changed. */
  onDelivered?(): void
  /** What differs from the stream's own request now. */
  requestOverrides?(): RequestOverrides
  onOpen(connection: Connection, reconnected: boolean): void
  /** Puts what consumers see of an event into `items`; returns what is known of it already. */
  onEvent(event: RawEvent, items: Item[], ownId: string | undefined): EventDisposition | undefined
  /** What consumers are about to be given. */
  onReceived?(items: Item[]): void
  /** The payload of `item` does not fit its schema; returns whether that is the end. */
  onInvalid(error: StreamError, item: Item): boolean
  /** All that was read is on its way to the consumers. */
  onBatchDelivered?(): void
  /** The source has no more. */
  onEnd(error?: StreamError): void
  /** The user's signal has fired: leave. */
  onAbort(reason: unknown): void
  /** Whether somebody will see the error that ends the stream. */
  isConsumed(): boolean
}

export interface Stream<Item extends PendingEvent> {
  readonly source: Source
  readonly dispatcher: Dispatcher<Item>
  /** Settles when what an earlier page kept has been asked for, where that is under way. */
  whenRestored(): Promise<void> | undefined
  /** The server sends at least a comment every so many milliseconds; 0: it does not say. */
  expectHeartbeat(ms: number): void
  /** Tells of a failure that does not end the stream, or has no other way to be told. */
  emitError(error: StreamError): void
  /** Ends the stream; what is queued is still delivered, and then the error. `isFinal`: a later page could not go on. */
  finish(error?: StreamError, isFinal?: boolean): void
  /** Ends the stream at once. */
  close(failure?: { error: unknown }): void
}

/** Makes a stream; it starts in the next microtask, unless it was closed by then. */
export function createStream<Item extends PendingEvent>(
  { build, label }: RequestBuilder,
  options: ResolvedOptions & { schema?: Schemas },
  {
    lastEventId,
    mustIterateFromStart,
    onClosed,
  }: { lastEventId: string | undefined; mustIterateFromStart: boolean; onClosed: () => void },
  hooks: StreamHooks<Item>,
): Stream<Item> {
  const { signal, schema, persist, instrument, onStateChange, onError, retry } = options
  let persistState: 'saved' | 'ending' | 'cleared' = 'saved' // `ending`: a later page can go on with what is queued alone
  // While a loop has something left to take, it can still be aborted, and gone on with by a later page.
  const onDrained = (): void => {
    signal?.removeEventListener('abort', onAbort)
    if (persistState === 'ending') {
      persistState = 'cleared'
      callSafely((store) => store?.clear(), persist)
    }
    onClosed()
  }
  const dispatcher = createDispatcher<Item>(
    options.queue,
    mustIterateFromStart,
    onDrained,
    () => persistState === 'cleared' || hooks.onDelivered?.(),
  )
  let restoring: Promise<void> | undefined
  let items: Item[] = []
  let pendingBytes = 0 // bytes of an event that is not whole yet

  const loadCursor = async (): Promise<void> => {
    const cursor = await persist?.load()
    if (cursor) hooks.restoreCursor?.(cursor)
  }
  const sourceHooks: SourceHooks = {
    ...hooks,
    label,
    onResponse: options.notifyResponse,
    checkResponse: (connection) => assertEventStream(connection, { ...options, ...hooks, ...retry, label }),
    nextRetry: (error, attempt, minDelay) =>
      nextRetry({ ...options, ...retry, label }, hooks.isRepeatable(error), error, attempt, minDelay),
    async request(context) {
      if (hooks.restoreCursor) await (restoring ??= loadCursor().catch(reportUncaughtError))
      return build(context, { lastEventId: source.lastEventId, ...hooks.requestOverrides?.() })
    },
    onEvent: (event, id) => hooks.onEvent(event, items, id),
    onBatchEnd(bytes) {
      const batch = items
      const size = (pendingBytes += bytes)
      items = []
      if (batch.length) pendingBytes = 0
      const accept = (valid: Item[]): Promise<void> | undefined => {
        hooks.onReceived?.(valid)
        const backpressure = dispatcher.accept(valid, size, source.lastEventId)
        hooks.onBatchDelivered?.()
        return backpressure
      }
      if (!schema) return accept(batch)
      // A validator may take its time: the stream may have been closed meanwhile.
      const isOpen = (): boolean => source.state.status !== 'closed'
      return validateEvents(batch, schema, (error, item) => isOpen() && hooks.onInvalid(error, item)).then((valid) =>
        isOpen() ? accept(valid) : undefined,
      )
    },
    onStateChange: (state) => callSafely(onStateChange, state),
  }
  const source = createSource(options, instrument?.(sourceHooks) ?? sourceHooks, lastEventId)
  const onAbort = (): void => hooks.onAbort(signal?.reason)
  signal?.addEventListener('abort', onAbort)
  queueMicrotask(() => (signal?.aborted && source.state.status === 'idle' ? onAbort() : source.start()))

  const emitError = (error: StreamError): void => (onError ? callSafely(onError, error) : reportUncaughtError(error))

  return {
    source,
    dispatcher,
    whenRestored: () => restoring,
    emitError,
    expectHeartbeat(ms) {
      if (options.idleTimeout === undefined) source.setIdleTimeout(ms > 0 ? 3 * clampDelay(ms) : Infinity)
    },
    finish(error, isFinal = !error) {
      if (isFinal) persistState = 'ending'
      if (error) Object.assign(error, { lastEventId: source.lastEventId, ...error })
      source.finish(error)
      source.close(error)
      dispatcher.finish(error && { error })
      if (!error) return
      if (onError) emitError(error)
      // Whoever made the stream may be about to consume it.
      else
        options.clock.after(
          0,
          () => dispatcher.mode === 'iterating' || hooks.isConsumed() || reportUncaughtError(error),
        )
    },
    close(failure) {
      if (persistState === 'ending') persistState = 'saved'
      source.close()
      dispatcher.close(failure)
    },
  }
}
