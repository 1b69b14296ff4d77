/** A bounded queue from a pushing producer to pulling consumers; whole batches go in, single items come out. */

export interface Queue<Item, Value> {
  /** Appends a batch. What is over the limit is kept all the same: the producer asks `room()` before it brings more. */
  push(items: Item[], bytes: number): void
  /** Settles once there is room again; `undefined` where there is room now. */
  room(): Promise<void> | undefined
  /** What is queued, in order; it stays. */
  peek(): Item[]
  /** Forgets what is queued, the error behind it included. */
  clear(): void
  /** The next item; after the last one `end`'s error once, then `done`. Several may wait. */
  next(): Promise<IteratorResult<Value, undefined>>
  /** Nothing comes any more: what is queued is still given out, then `failure.error` is thrown, where there is one. */
  end(failure?: { error: unknown }): void
}

interface Waiting<Value> {
  resolve(result: IteratorResult<Value, undefined>): void
  reject(error: unknown): void
}

/**
 * Makes a queue that is full at `maxItems` items or `maxBytes` bytes, whichever is first; a batch's bytes count until
 * its last item is taken. `pick` makes of an item, when its turn comes, what consumers get; `undefined` drops it.
 */
export function createQueue<Item, Value>(
  maxItems: number,
  maxBytes: number,
  pick: (item: Item) => Value | undefined,
): Queue<Item, Value> {
  const batches: { items: Item[]; bytes: number }[] = []
  const waiting: Waiting<Value>[] = []
  let position = 0 // in the first batch
  let count = 0
  let bytes = 0
  let ended: { error?: unknown } | undefined
  let room: { made: Promise<void>; make: () => void } | undefined

  const full = (): boolean => !ended && (count >= maxItems || bytes >= maxBytes)
  const checkRoom = (): void => {
    if (room && !full()) {
      room.make()
      room = undefined
    }
  }
  /** Serves one consumer, as far as it can be served now. */
  const serve = ({ resolve, reject }: Waiting<Value>): boolean => {
    while (count) {
      const { items, bytes: size } = batches[0]!
      const value = pick(items[position++]!)
      count--
      if (position === items.length) {
        batches.shift()
        bytes -= size
        position = 0
      }
      checkRoom()
      if (value === undefined) continue
      resolve({ value, done: false })
      return true
    }
    if (!ended) return false
    if ('error' in ended) reject(ended.error)
    else resolve({ value: undefined, done: true })
    ended = {} // the error is thrown once
    return true
  }
  const serveWaiting = (): void => {
    while (waiting.length && serve(waiting[0]!)) waiting.shift()
  }

  return {
    push(items, size) {
      if (!items.length || ended) return
      batches.push({ items, bytes: size })
      count += items.length
      bytes += size
      serveWaiting()
    },
    room() {
      if (!full()) return undefined
      if (!room) {
        let make!: () => void
        room = { made: new Promise((resolve) => (make = resolve)), make }
      }
      return room.made
    },
    peek: () => batches.flatMap(({ items }, index) => (index ? items : items.slice(position))),
    clear() {
      batches.length = position = count = bytes = 0
      if (ended) ended = {}
      checkRoom()
    },
    next: () =>
      new Promise((resolve, reject) => {
        const consumer = { resolve, reject }
        if (waiting.length || !serve(consumer)) waiting.push(consumer)
      }),
    end(failure) {
      if (ended) return
      ended = failure ?? {}
      checkRoom()
      serveWaiting()
    },
  }
}
