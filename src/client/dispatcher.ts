/** Brings events to their consumers: any number of listeners, and one loop that sets the pace. */
import type { ListenerOptions, StreamEvent } from '../base/events.ts'
import { createQueue } from '../base/queue.ts'
import { callSafely } from '../base/report-error.ts'

type Listener = (event: never) => unknown

/** The consumer of the events: none yet (`paused`), listeners only (`flowing`), a loop (`iterating`), or none any more (`closed`). */
export type DispatcherMode = 'paused' | 'flowing' | 'iterating' | 'closed'

export interface Dispatcher<Item extends StreamEvent> {
  readonly mode: DispatcherMode
  /** The last event ID delivered: the listeners have returned, or the loop has asked for more. */
  readonly lastEventId: string | undefined
  /** Takes the events of one read, up to `lastEventId`; what it returns holds the next read back. */
  accept(items: Item[], bytes: number, lastEventId: string): Promise<void> | undefined
  /** Adds a listener, for all types where `type` is undefined. */
  on(type: string | undefined, listener: Listener, options?: ListenerOptions, once?: boolean): () => void
  /** Lets events pass although nobody may listen. */
  startFlowing(): void
  /** The one loop, over what `pick` makes of the items (`undefined`: passed over). Throws a `TypeError` when there has been one. */
  iterate<Value>(
    mapItem: (item: Item) => Value | undefined,
    onReturn: () => void,
  ): AsyncIterableIterator<Value, undefined>
  /** No more events; what is queued is still delivered to a loop. */
  finish(failure?: { error: unknown }): void
  /** Silence from now on, also for what is queued. */
  close(failure?: { error: unknown }): void
}

/**
 * Creates a dispatcher whose queue is full at `limits`. With `mustIterateFromStart` a loop cannot start after events were
 * delivered. `onDrained` is called when it has finished and everything was delivered, `onDelivered` when `lastEventId` changes.
 */
export function createDispatcher<Item extends StreamEvent>(
  limits: { events: number; bytes: number },
  mustIterateFromStart: boolean,
  onDrained: () => void,
  onDelivered: () => void,
): Dispatcher<Item> {
  const listeners = new Map<string | undefined, Set<Listener>>()
  let mapItem: ((item: Item) => unknown) | undefined
  let currentItem: Item | undefined // what the loop has in its hands
  let deliveredId: string | undefined
  const drained = new AbortController()
  const takeItem = (item: Item): never => mapItem!((currentItem = item)) as never
  const queue = createQueue<Item, never>(limits.events, limits.bytes, takeItem, () => {
    drained.abort()
    onDrained()
  })
  let mode: DispatcherMode = 'paused'
  let hasPassedEvents = false // events went by that a loop would miss
  let pendingReplay: (() => void) | undefined // what was held is about to be told to the listeners

  /** Who hears the type of the last event, which mostly is the next one's, too (bench: whole clients). */
  let lastLookup: { type: string; typeListeners: Set<Listener> | undefined } | undefined

  const markDelivered = (id: string | undefined): void => {
    deliveredId = id
    onDelivered()
  }
  const callListeners = (typeListeners: Set<Listener> | undefined, item: Item): void => {
    if (typeListeners) for (const listener of typeListeners) if (mode !== 'closed') callSafely(listener, item as never)
  }
  const dispatch = (items: Item[]): void => {
    for (const item of items) {
      if (lastLookup?.type !== item.type) lastLookup = { type: item.type, typeListeners: listeners.get(item.type) }
      callListeners(lastLookup.typeListeners, item)
      callListeners(listeners.get(undefined), item)
      if (mode !== 'iterating') deliveredId = item.id
      if (mode === 'closed') return
    }
  }
  const deliver = (items: Item[]): void => {
    hasPassedEvents ||= items.length > 0
    dispatch(items)
  }
  const startFlowing = (): void => {
    if (mode !== 'paused') return
    mode = 'flowing'
    const replayHeld = (pendingReplay = () => {
      if (pendingReplay !== replayHeld) return
      pendingReplay = undefined
      const heldItems = queue.peek()
      if (mode === 'flowing') {
        queue.clear()
        deliver(heldItems)
        markDelivered(deliveredId)
      } else dispatch(heldItems)
    })
    // A microtask later, so that all listeners added in this task hear what was held.
    queueMicrotask(replayHeld)
  }

  return {
    get mode() {
      return mode
    },
    get lastEventId() {
      return deliveredId
    },
    accept(items, bytes, lastEventId) {
      if (mode === 'closed') return
      if (mode === 'flowing' && !pendingReplay) deliver(items)
      else queue.push(items, bytes)
      if (mode === 'iterating') dispatch(items)
      // Ids that come without an event count once all before them has been delivered.
      if (!currentItem && queue.isEmpty) markDelivered(drained.signal.aborted ? deliveredId : lastEventId)
      return queue.waitForRoom()
    },
    on(type, listener, { signal } = {}, once) {
      let current: Listener | undefined = listener
      const remove = (): void => {
        current = undefined
        listeners.get(type)?.delete(added)
        signal?.removeEventListener('abort', remove)
      }
      const added: Listener = (event) => {
        const call = current
        if (once) remove()
        return call?.(event)
      }
      if (signal?.aborted) return remove
      // A new set, so that what is being dispatched is not heard (DOM standard, section "inner invoke").
      lastLookup = undefined
      listeners.set(type, new Set(listeners.get(type)).add(added))
      signal?.addEventListener('abort', remove, { signal: drained.signal })
      startFlowing()
      return remove
    },
    startFlowing,
    iterate(mapper, onReturn) {
      if (mapItem) throw new TypeError('A stream can be iterated only once')
      if (mustIterateFromStart && hasPassedEvents)
        throw new TypeError('A run cannot be iterated after its events have gone to listeners or final()')
      mapItem = mapper
      if (mode !== 'closed') mode = 'iterating'
      pendingReplay?.()
      const releaseCurrentItem = (): void => {
        if (currentItem) markDelivered(currentItem.id)
        currentItem = undefined
      }
      const returnEarly = (): Promise<IteratorResult<never, undefined>> => {
        releaseCurrentItem()
        onReturn()
        return queue.next()
      }
      return {
        next() {
          releaseCurrentItem()
          return queue.next()
        },
        return: returnEarly,
        throw: (error) => returnEarly().then(() => Promise.reject(error)),
        [Symbol.asyncIterator]() {
          return this
        },
      }
    },
    finish: queue.finish,
    close(failure) {
      mode = 'closed'
      queue.close(failure)
    },
  }
}
