/** Delivers events to their consumers: any number of listeners, and one loop that sets the pace. */
import type { ListenerOptions, StreamEvent } from '../base/events.ts'
import { type Listener, createListeners } from './listeners.ts'

/** Who consumes the events: no one yet (`paused`), only listeners (`flowing`), a loop (`iterating`), or no one any more (`closed`). */
export type DispatcherMode = 'paused' | 'flowing' | 'iterating' | 'closed'

/** What a loop yields. */
export interface LoopOptions<Value> {
  /** Called when the loop takes an event. Returns the value to yield, or `undefined` to skip the event. */
  take(event: StreamEvent): Value | undefined
  /** Called when the loop is left early. */
  onReturn(): void
}

export interface Dispatcher {
  readonly mode: DispatcherMode
  /** Last event ID delivered: the listeners have returned, or the loop has requested the next event. */
  readonly lastEventId: string | undefined
  /** Delivers or queues the events of one read, up to `lastEventId`. The promise, if any, delays the next read. */
  accept(events: StreamEvent[], bytes: number, lastEventId: string): Promise<void> | undefined
  /** Adds a listener, for events of all types if `type` is `undefined`. */
  on(type: string | undefined, listener: Listener, options?: ListenerOptions, once?: boolean): () => void
  /** Delivers events even if there is no listener. */
  startFlowing(): void
  /** Returns the one loop over single events. @throws TypeError if there was one already */
  iterate<Value>(options: LoopOptions<Value>): AsyncIterableIterator<Value, undefined>
  /** Returns the one loop over arrays, one for each read. @throws TypeError if there was one already */
  iterateBatches<Value>(options: LoopOptions<Value>): AsyncIterableIterator<Value[], undefined>
  /** Ends the stream; a loop still gets what is queued, and then the error, if any. */
  finish(failure?: { error: unknown }): void
  /** Ends the stream at once, and discards what is queued. A loop gets the error, if any. */
  close(failure?: { error: unknown }): void
}

/** A bounded queue of batches. It accepts a batch even beyond its limits: the producer then waits for room. */
class Queue {
  readonly #maxEvents: number
  readonly #maxBytes: number
  #batches: { readonly events: StreamEvent[]; readonly bytes: number }[] = []
  #position = 0 // index of the next event in the first batch
  #bytes = 0
  count = 0

  constructor(limits: { events: number; bytes: number }) {
    this.#maxEvents = limits.events
    this.#maxBytes = limits.bytes
  }

  /** An empty queue is never full. The bytes of a batch count until its last event is taken. */
  get isFull(): boolean {
    return this.count > 0 && (this.count >= this.#maxEvents || this.#bytes >= this.#maxBytes)
  }

  push(events: StreamEvent[], bytes: number): void {
    this.#batches.push({ events, bytes })
    this.count += events.length
    this.#bytes += bytes
  }

  /** Removes and returns the next event. The queue must not be empty. */
  take(): StreamEvent {
    const { events } = this.#batches[0]!
    const event = events[this.#position++]!
    this.count--
    if (this.#position === events.length) this.#dropBatch()
    return event
  }

  /** Removes and returns the rest of the first batch. The queue must not be empty. */
  takeBatch(): StreamEvent[] {
    const events = this.#batches[0]!.events.slice(this.#position)
    this.count -= events.length
    this.#dropBatch()
    return events
  }

  /** Returns the queued events in order, without removing them. */
  peek(): StreamEvent[] {
    return this.#batches.flatMap(({ events }, index) => (index ? events : events.slice(this.#position)))
  }

  clear(): void {
    this.#batches = []
    this.#position = this.#bytes = this.count = 0
  }

  #dropBatch(): void {
    this.#bytes -= this.#batches.shift()!.bytes
    this.#position = 0
  }
}

/** The one loop of a stream. */
interface Loop {
  /** Takes the next value from the queue; `undefined` if everything that is left was skipped. */
  poll(): unknown
  /** The event that the loop has, and the ID that counts as delivered once it requests the next one. */
  inHand: StreamEvent | undefined
  /** Calls of `next()` that wait for a value. */
  readonly waiting: ((result: Promise<IteratorResult<unknown, undefined>>) => void)[]
}

/**
 * Creates a dispatcher with a queue that is full at `limits`. With `mustIterateFromStart`, a loop cannot start after
 * events were delivered. `onDrained` is called once the stream has ended and everything was delivered, `onDelivered`
 * when `lastEventId` has changed.
 */
export function createDispatcher(
  limits: { events: number; bytes: number },
  mustIterateFromStart: boolean,
  onDrained: () => void,
  onDelivered: () => void,
): Dispatcher {
  const queue = new Queue(limits)
  const listeners = createListeners()
  let mode: DispatcherMode = 'paused'
  let loop: Loop | undefined
  let deliveredId: string | undefined
  let hasPassedEvents = false // events that a loop would miss
  let pendingReplay: (() => void) | undefined // delivers to the listeners what was queued before the first one
  let ended: { error?: unknown } | undefined
  let releaseProducer: (() => void) | undefined

  const isOpen = (): boolean => mode !== 'closed'
  const markDelivered = (id: string | undefined): void => {
    deliveredId = id
    onDelivered()
  }
  const dispatch = (events: readonly StreamEvent[]): void => {
    for (const event of events) {
      listeners.call(event, isOpen)
      if (mode !== 'iterating') deliveredId = event.id
      if (mode === 'closed') return
    }
  }
  const deliver = (events: readonly StreamEvent[]): void => {
    hasPassedEvents ||= events.length > 0
    dispatch(events)
  }
  const startFlowing = (): void => {
    if (mode !== 'paused') return
    mode = 'flowing'
    const replay = (pendingReplay = () => {
      if (pendingReplay !== replay) return
      pendingReplay = undefined
      const events = queue.peek()
      if (mode !== 'flowing') return dispatch(events)
      queue.clear()
      deliver(events)
      markDelivered(deliveredId)
      checkRoom()
    })
    // In a microtask, so that all listeners that are added in this task receive the queued events.
    queueMicrotask(replay)
  }
  /** Called when events have left the queue, and at the end. */
  const checkRoom = (): void => {
    if (ended || !queue.isFull) {
      releaseProducer?.()
      releaseProducer = undefined
    }
    if (!ended || queue.count) return
    listeners.releaseSignals()
    onDrained()
  }
  /** Returns the next result for the loop, or `undefined` if it must wait. */
  const poll = ({ poll: takeValue }: Loop): Promise<IteratorResult<unknown, undefined>> | undefined => {
    if (queue.count) {
      const value = takeValue()
      checkRoom()
      if (value !== undefined) return Promise.resolve({ value, done: false })
    }
    if (!ended) return undefined
    const failure = ended
    ended = {} // only one call of `next()` rejects
    return 'error' in failure ? Promise.reject(failure.error) : Promise.resolve({ value: undefined, done: true })
  }
  const serveLoop = (): void => {
    for (let result; loop?.waiting.length && (result = poll(loop));) loop.waiting.shift()!(result)
  }
  const startLoop = (takeValue: () => unknown, onReturn: () => void) => {
    if (loop) throw new TypeError('A stream can be iterated only once')
    if (mustIterateFromStart && hasPassedEvents)
      throw new TypeError('A run cannot be iterated after its events have gone to listeners or final()')
    const current: Loop = (loop = { poll: takeValue, inHand: undefined, waiting: [] })
    if (mode !== 'closed') mode = 'iterating'
    pendingReplay?.()
    const releaseInHand = (): void => {
      const { inHand } = current
      current.inHand = undefined
      if (inHand) markDelivered(inHand.id)
    }
    const next = (): Promise<IteratorResult<unknown, undefined>> =>
      poll(current) ?? new Promise((resolve) => current.waiting.push(resolve))
    const returnEarly = (): Promise<IteratorResult<unknown, undefined>> => {
      releaseInHand()
      onReturn()
      return next()
    }
    const iterator: AsyncIterableIterator<unknown, undefined> = {
      next() {
        releaseInHand()
        return next()
      },
      return: returnEarly,
      throw: (error) => returnEarly().then(() => Promise.reject(error)),
      [Symbol.asyncIterator]: () => iterator,
    }
    return iterator as AsyncIterableIterator<never, undefined>
  }

  return {
    get mode() {
      return mode
    },
    get lastEventId() {
      return deliveredId
    },
    accept(events, bytes, lastEventId) {
      if (mode === 'closed') return undefined
      if (mode === 'flowing' && !pendingReplay) deliver(events)
      else if (events.length && !ended) {
        queue.push(events, bytes)
        serveLoop()
      }
      if (mode === 'iterating') dispatch(events)
      // IDs that come without an event are delivered once all events before them are.
      if (!loop?.inHand && !queue.count) markDelivered(isOpen() ? lastEventId : deliveredId)
      return queue.isFull && !ended ? new Promise((resolve) => (releaseProducer = resolve)) : undefined
    },
    on(type, listener, listenerOptions = {}, once = false) {
      const remove = listeners.add(type, listener, listenerOptions, once)
      if (!listenerOptions.signal?.aborted) startFlowing()
      return remove
    },
    startFlowing,
    iterate({ take, onReturn }) {
      const takeValue = (): unknown => {
        while (queue.count) {
          const value = take((loop!.inHand = queue.take()))
          if (value !== undefined) return value
        }
        return undefined
      }
      return startLoop(takeValue, onReturn)
    },
    iterateBatches({ take, onReturn }) {
      const takeValue = (): unknown => {
        while (queue.count) {
          const events = queue.takeBatch()
          const values = events.map(take).filter((value) => value !== undefined)
          loop!.inHand = events.at(-1)
          if (values.length) return values
        }
        return undefined
      }
      return startLoop(takeValue, onReturn)
    },
    finish(failure) {
      if (ended) return
      ended = failure ?? {}
      checkRoom()
      serveLoop()
    },
    close(failure) {
      mode = 'closed'
      ended = failure ?? {}
      queue.clear()
      checkRoom()
      serveLoop()
    },
  }
}
