/** What feeds and runs have in common: from a source's events to consumers, with callbacks, schemas and an abort signal. */
import type { Cursor, StreamError } from '../base/errors.ts'
import { guard, report } from '../base/report-error.ts'
import type { Connection } from '../connect/connect.ts'
import { type Delivery, createDelivery } from './dispatcher.ts'
import type { Schemas } from '../base/events.ts'
import type { Requester, Target } from '../request/request.ts'
import type { Settings } from '../request/resolve-options.ts'
import { type Judgement, judge } from '../source/check-response.ts'
import { clampDelay, judgeFailure } from '../source/retry.ts'
import { type Known, type RawEvent, type Source, type SourceHooks, createSource } from '../source/source.ts'
import { type PendingEvent, validate } from './validate.ts'

/** What makes a stream a feed, or a run. */
export interface SessionHooks<Item> extends Pick<SourceHooks, 'ended'>, Pick<Judgement, 'refusal'> {
  /** Whether the request may be sent once more after this failure. */
  repeatable(error: StreamError): boolean | undefined
  /** Begins where an earlier page was; absent: this stream knows where. */
  restore: ((kept: Cursor) => void) | undefined
  /** The last event ID delivered has changed. */
  advanced?(): void
  /** What differs from the stream's own request now. */
  target?(): Target
  opened(connection: Connection, reconnected: boolean): void
  /** Puts what consumers see of an event into `items`; returns what is known of it already. */
  event(event: RawEvent, items: Item[], ownId: string | undefined): Known | undefined
  /** What consumers are about to be given. */
  received?(items: Item[]): void
  /** The payload of `item` does not fit its schema; returns whether that is the end. */
  invalid(error: StreamError, item: Item): boolean
  /** All that was read is on its way to the consumers. */
  flushed?(): void
  /** The source has no more. */
  settled(error?: StreamError): void
  /** The user's signal has fired: leave. */
  aborted(reason: unknown): void
  /** Whether somebody will see the error that ends the stream. */
  isConsumed(): boolean
}

export interface Session<Item extends PendingEvent> {
  readonly source: Source
  readonly delivery: Delivery<Item>
  /** Settles when what an earlier page kept has been asked for, where that is under way. */
  restored(): Promise<void> | undefined
  /** The server sends at least a comment every so many milliseconds; 0: it does not say. */
  expectHeartbeat(ms: number): void
  /** Tells of a failure that does not end the stream, or has no other way to be told. */
  complain(error: StreamError): void
  /** Ends the stream; what is queued is still delivered, and then the error. `isFinal`: a later page could not go on. */
  end(error?: StreamError, isFinal?: boolean): void
  /** Ends the stream at once. */
  leave(failure?: { error: unknown }): void
}

/** Makes a stream; it starts in the next microtask, unless it was closed by then. */
export function createSession<Item extends PendingEvent>(
  { build, name }: Requester,
  settings: Settings & { schema?: Schemas },
  { lastEventId, whole, onClosed }: { lastEventId: string | undefined; whole: boolean; onClosed: () => void },
  hooks: SessionHooks<Item>,
): Session<Item> {
  const { signal, schema, persist, instrument, onStateChange, onError, retry } = settings
  let place: 'kept' | 'ending' | 'cleared' = 'kept' // `ending`: a later page can go on with what is queued alone
  // While a loop has something left to take, it can still be aborted, and gone on with by a later page.
  const drained = (): void => {
    signal?.removeEventListener('abort', abort)
    if (place === 'ending') {
      place = 'cleared'
      guard((store) => store?.clear(), persist)
    }
    onClosed()
  }
  const delivery = createDelivery<Item>(settings.queue, whole, drained, () => place === 'cleared' || hooks.advanced?.())
  let restored: Promise<void> | undefined
  let items: Item[] = []
  let unclaimed = 0 // bytes of an event that is not whole yet

  const restore = async (): Promise<void> => {
    const kept = await persist?.load()
    if (kept) hooks.restore?.(kept)
  }
  const watched: SourceHooks = {
    ...hooks,
    name,
    answered: settings.answered,
    judge: (connection) => judge(connection, { ...settings, ...hooks, ...retry, name }),
    retry: (error, attempt, floor) =>
      judgeFailure({ ...settings, ...retry, name }, hooks.repeatable(error), error, attempt, floor),
    async request(context) {
      if (hooks.restore) await (restored ??= restore().catch(report))
      return build(context, { lastEventId: source.lastEventId, ...hooks.target?.() })
    },
    event: (event, id) => hooks.event(event, items, id),
    flush(bytes) {
      const read = items
      const size = (unclaimed += bytes)
      items = []
      if (read.length) unclaimed = 0
      const accept = (valid: Item[]): Promise<void> | undefined => {
        hooks.received?.(valid)
        const room = delivery.accept(valid, size, source.lastEventId)
        hooks.flushed?.()
        return room
      }
      if (!schema) return accept(read)
      // A validator may take its time: the stream may have been closed meanwhile.
      const isOpen = (): boolean => source.state.status !== 'closed'
      return validate(read, schema, (error, item) => isOpen() && hooks.invalid(error, item)).then((valid) =>
        isOpen() ? accept(valid) : undefined,
      )
    },
    changed: (state) => guard(onStateChange, state),
  }
  const source = createSource(settings, instrument?.(watched) ?? watched, lastEventId)
  const abort = (): void => hooks.aborted(signal?.reason)
  signal?.addEventListener('abort', abort)
  queueMicrotask(() => (signal?.aborted && source.state.status === 'idle' ? abort() : source.start()))

  const complain = (error: StreamError): void => (onError ? guard(onError, error) : report(error))

  return {
    source,
    delivery,
    restored: () => restored,
    complain,
    expectHeartbeat(ms) {
      if (settings.idleTimeout === undefined) source.setIdleTimeout(ms > 0 ? 3 * clampDelay(ms) : Infinity)
    },
    end(error, isFinal = !error) {
      if (isFinal) place = 'ending'
      if (error) Object.assign(error, { lastEventId: source.lastEventId, ...error })
      source.complete(error)
      source.close(error)
      delivery.end(error && { error })
      if (!error) return
      if (onError) complain(error)
      // Whoever made the stream may be about to consume it.
      else settings.clock.after(0, () => delivery.mode === 'looped' || hooks.isConsumed() || report(error))
    },
    leave(failure) {
      if (place === 'ending') place = 'kept'
      source.close()
      delivery.stop(failure)
    },
  }
}
