/** A bounded queue between a pushing producer and pulling consumers: accepts batches, hands out single items. */

/** A queue that accepts batches and hands out single items until it ends, optionally with an error. */
export interface Queue<Item, Value> {
  /** Appends a batch, even beyond the limits: the producer must await `waitForRoom()` before the next batch. */
  push(items: Item[], bytes: number): void
  /** Resolves once there is room again; returns `undefined` if there is room already. */
  waitForRoom(): Promise<void> | undefined
  readonly isEmpty: boolean
  /** Returns the queued items in order, without removing them. */
  peek(): Item[]
  /** Discards the queued items. */
  clear(): void
  /**
   * Ends the queue at once: discards the queued items and the error of an earlier `finish()`; `next()` then rejects
   * with `failure.error`, if any.
   */
  close(failure?: { error: unknown }): void
  /**
   * Takes the next item. After the last item, rejects once if the queue ended with an error, then resolves as `done`.
   * Calls may overlap.
   */
  next(): Promise<IteratorResult<Value, undefined>>
  /** Ends the queue after the items already queued; `next()` then rejects with `failure.error`, if any. */
  finish(failure?: { error: unknown }): void
}

/**
 * Creates a queue that is full at `maxItems` items or `maxBytes` bytes, whichever comes first. An empty queue is never
 * full. The bytes of a batch count until its last item is taken.
 *
 * `mapItem` is called when an item is taken and returns the value for the consumer; `undefined` skips the item.
 * `onDrained` is called when the queue has ended and the last item has been taken.
 */
export function createQueue<Item, Value>(
  maxItems: number,
  maxBytes: number,
  mapItem: (item: Item) => Value | undefined,
  onDrained?: () => void,
): Queue<Item, Value> {
  const batches: { items: Item[]; bytes: number }[] = []
  const waitingConsumers: ((result: Promise<IteratorResult<Value, undefined>>) => void)[] = []
  let position = 0 // index of the next item in the first batch
  let count = 0
  let bytes = 0
  let ended: { error?: unknown } | undefined
  let waitingProducer: { promise: Promise<void>; release: () => void } | undefined

  const isFull = (): boolean => !!count && !ended && (count >= maxItems || bytes >= maxBytes)
  /** Called after each removal, and when the queue ends: releases a waiting producer and calls `onDrained`, if due. */
  const checkRoom = (): void => {
    if (waitingProducer && !isFull()) {
      waitingProducer.release()
      waitingProducer = undefined
    }
    if (ended && !count) onDrained?.()
  }
  /** Returns the next result for a consumer, or `undefined` if the consumer must wait. */
  const poll = (): Promise<IteratorResult<Value, undefined>> | undefined => {
    while (count) {
      const { items, bytes: size } = batches[0]!
      const value = mapItem(items[position++]!)
      count--
      if (position === items.length) {
        batches.shift()
        bytes -= size
        position = 0
      }
      checkRoom()
      if (value !== undefined) return Promise.resolve({ value, done: false })
    }
    const failure = ended
    if (!failure) return undefined
    ended = {} // only one call of `next()` rejects
    return 'error' in failure ? Promise.reject(failure.error) : Promise.resolve({ value: undefined, done: true })
  }
  const serveWaiting = (): void => {
    for (let result; waitingConsumers.length && (result = poll());) waitingConsumers.shift()!(result)
  }

  return {
    push(items, size) {
      if (!items.length || ended) return
      batches.push({ items, bytes: size })
      count += items.length
      bytes += size
      serveWaiting()
    },
    waitForRoom() {
      if (!isFull()) return undefined
      if (!waitingProducer) {
        let release!: () => void
        waitingProducer = { promise: new Promise((resolve) => (release = resolve)), release }
      }
      return waitingProducer.promise
    },
    get isEmpty() {
      return !count
    },
    peek: () => batches.flatMap(({ items }, index) => (index ? items : items.slice(position))),
    clear() {
      batches.length = position = count = bytes = 0
      checkRoom()
    },
    close(failure) {
      ended = failure ?? {}
      this.clear()
      serveWaiting()
    },
    next: () => poll() ?? new Promise((resolve) => waitingConsumers.push(resolve)),
    finish(failure) {
      if (ended) return
      ended = failure ?? {}
      checkRoom()
      serveWaiting()
    },
  }
}
