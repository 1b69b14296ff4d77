/** A bounded queue from a pushing producer to pulling consumers; whole batches go in, single items come out. */

export interface Queue<Item, Value> {
  /** Appends a batch. What is over the limit is kept all the same: the producer asks `room()` before it brings more. */
  push(items: Item[], bytes: number): void
  /** Settles once there is room again; `undefined` where there is room now. */
  waitForRoom(): Promise<void> | undefined
  readonly isEmpty: boolean
  /** What is queued, in order; it stays. */
  peek(): Item[]
  /** Forgets what is queued. */
  clear(): void
  /** Ends it at once: forgets what is queued, an error behind it too, and throws `failure.error`, where there is one. */
  close(failure?: { error: unknown }): void
  /** The next item; after the last one `end`'s error once, then `done`. Several may wait. */
  next(): Promise<IteratorResult<Value, undefined>>
  /** Nothing comes any more: what is queued is still given out, then `failure.error` is thrown, where there is one. */
  finish(failure?: { error: unknown }): void
}

/**
 * Makes a queue that is full at `maxItems` items or `maxBytes` bytes, whichever is first, but not when it is empty; a
 * batch's bytes count until its last item is taken. `pick` makes of an item, when its turn comes, what consumers get; `undefined` drops it.
 * `onDrained` is called when it has ended and nothing is left in it.
 */
export function createQueue<Item, Value>(
  maxItems: number,
  maxBytes: number,
  mapItem: (item: Item) => Value | undefined,
  onDrained?: () => void,
): Queue<Item, Value> {
  const batches: { items: Item[]; bytes: number }[] = []
  const waitingConsumers: ((result: Promise<IteratorResult<Value, undefined>>) => void)[] = []
  let position = 0 // in the first batch
  let count = 0
  let bytes = 0
  let ended: { error?: unknown } | undefined
  let waitingProducer: { promise: Promise<void>; release: () => void } | undefined

  const isFull = (): boolean => !!count && !ended && (count >= maxItems || bytes >= maxBytes)
  /** To be called when it holds less, or has ended. */
  const checkRoom = (): void => {
    if (waitingProducer && !isFull()) {
      waitingProducer.release()
      waitingProducer = undefined
    }
    if (ended && !count) onDrained?.()
  }
  /** What a consumer gets now, if anything. */
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
    ended = {} // the error is thrown once
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
