/** Brings events to their consumers: any number of listeners, and one loop that sets the pace. */
import { createQueue } from '../base/queue.ts'
import { guard } from '../base/report-error.ts'
import type { ListenerOptions, StreamEvent } from '../base/events.ts'

type Listener = (event: never) => unknown

/** Who consumes: nobody yet, listeners only, a loop; `stopped`: nobody any more. */
export type Mode = 'held' | 'flowing' | 'looped' | 'stopped'

export interface Delivery<Item extends StreamEvent> {
  readonly mode: Mode
  /** The last event ID delivered: the listeners have returned, or the loop has asked for more. */
  readonly lastEventId: string | undefined
  /** Takes the events of one read, up to `lastEventId`; what it returns holds the next read back. */
  accept(items: Item[], bytes: number, lastEventId: string): Promise<void> | undefined
  /** Adds a listener, for all types where `type` is undefined. */
  on(type: string | undefined, listener: Listener, options?: ListenerOptions, once?: boolean): () => void
  /** Lets events pass although nobody may listen. */
  flow(): void
  /** The one loop, over what `pick` makes of the items (`undefined`: passed over). Throws a `TypeError` when there has been one. */
  iterate<Value>(pick: (item: Item) => Value | undefined, onReturn: () => void): AsyncIterableIterator<Value, undefined>
  /** No more events; what is queued is still delivered to a loop. */
  end(failure?: { error: unknown }): void
  /** Silence from now on, also for what is queued. */
  stop(failure?: { error: unknown }): void
}

/** Makes a delivery whose queue is full at `limits`. `whole`: a loop may not begin after events have passed.
 * `onDrained` is called when it has ended and all was delivered, `onAdvance` when `lastEventId` has changed. */
export function createDelivery<Item extends StreamEvent>(
  limits: { events: number; bytes: number },
  whole: boolean,
  onDrained: () => void,
  onAdvance: () => void,
): Delivery<Item> {
  const listeners = new Map<string | undefined, Set<Listener>>()
  let pick: ((item: Item) => unknown) | undefined
  let taken: Item | undefined // what the loop has in its hands
  let delivered: string | undefined
  const over = new AbortController()
  const take = (item: Item): never => pick!((taken = item)) as never
  const queue = createQueue<Item, never>(limits.events, limits.bytes, take, () => {
    over.abort()
    onDrained()
  })
  let mode: Mode = 'held'
  let passed = false // events went by that a loop would miss
  let telling: (() => void) | undefined // what was held is about to be told to the listeners

  /** Who hears the type of the last event, which mostly is the next one's, too (bench: whole clients). */
  let last: { type: string; hearing: Set<Listener> | undefined } | undefined

  const advance = (id: string | undefined): void => {
    delivered = id
    onAdvance()
  }
  const tell = (hearing: Set<Listener> | undefined, item: Item): void => {
    if (hearing) for (const listener of hearing) if (mode !== 'stopped') guard(listener, item as never)
  }
  const dispatch = (items: Item[]): void => {
    for (const item of items) {
      if (last?.type !== item.type) last = { type: item.type, hearing: listeners.get(item.type) }
      tell(last.hearing, item)
      tell(listeners.get(undefined), item)
      if (mode !== 'looped') delivered = item.id
      if (mode === 'stopped') return
    }
  }
  const pass = (items: Item[]): void => {
    passed ||= items.length > 0
    dispatch(items)
  }
  const flow = (): void => {
    if (mode !== 'held') return
    mode = 'flowing'
    const tellHeld = (telling = () => {
      if (telling !== tellHeld) return
      telling = undefined
      const held = queue.peek()
      if (mode === 'flowing') {
        queue.clear()
        pass(held)
        advance(delivered)
      } else dispatch(held)
    })
    // A microtask later, so that all listeners added in this task hear what was held.
    queueMicrotask(tellHeld)
  }

  return {
    get mode() {
      return mode
    },
    get lastEventId() {
      return delivered
    },
    accept(items, bytes, lastEventId) {
      if (mode === 'stopped') return
      if (mode === 'flowing' && !telling) pass(items)
      else queue.push(items, bytes)
      if (mode === 'looped') dispatch(items)
      // Ids that come without an event count once all before them has been delivered.
      if (!taken && queue.isEmpty) advance(over.signal.aborted ? delivered : lastEventId)
      return queue.room()
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
      last = undefined
      listeners.set(type, new Set(listeners.get(type)).add(added))
      signal?.addEventListener('abort', remove, { signal: over.signal })
      flow()
      return remove
    },
    flow,
    iterate(chosen, onReturn) {
      if (pick) throw new TypeError('A stream can be iterated once')
      if (whole && passed) throw new TypeError('Iterate a run before its events have passed to its listeners')
      pick = chosen
      if (mode !== 'stopped') mode = 'looped'
      telling?.()
      const settle = (): void => {
        if (taken) advance(taken.id)
        taken = undefined
      }
      const leave = (): Promise<IteratorResult<never, undefined>> => {
        settle()
        onReturn()
        return queue.next()
      }
      return {
        next() {
          settle()
          return queue.next()
        },
        return: leave,
        throw: (error) => leave().then(() => Promise.reject(error)),
        [Symbol.asyncIterator]() {
          return this
        },
      }
    },
    end: queue.end,
    stop(failure) {
      mode = 'stopped'
      queue.stop(failure)
    },
  }
}
