/** An append-only log of events with positions, from which any number of readers read at their own pace. */

/** Readers hold a position, not a queue: a slow one costs no memory, and one that is left behind finds its position gone. */
export interface EventLog<Item> {
  /** Position of the oldest item that is kept; positions count from 1. */
  readonly first: number
  /** Position of the newest item; 0 while there was none. */
  readonly head: number
  readonly state: 'open' | 'closed'
  /** Appends and tells the watchers; returns the position. */
  append(item: Item): number
  at(position: number): Item | undefined
  /** Nothing comes any more; the watchers are told. */
  close(): void
  /** `wake` is called after each append and on close, until the returned function is called. */
  watch(onUpdate: () => void): () => void
}

/** Makes a log that keeps the last `limit` items. */
export function createEventLog<Item>(limit: number = Infinity): EventLog<Item> {
  const items: Item[] = []
  const watchers = new Set<() => void>()
  let first = 1
  let state: 'open' | 'closed' = 'open'
  const notifyWatchers = (): void => {
    for (const onUpdate of watchers) onUpdate()
  }
  return {
    get first() {
      return first
    },
    get head() {
      return first + items.length - 1
    },
    get state() {
      return state
    },
    append(item) {
      items.push(item)
      if (items.length > limit) {
        items.shift()
        first++
      }
      notifyWatchers()
      return first + items.length - 1
    },
    at: (position) => items[position - first],
    close() {
      state = 'closed'
      notifyWatchers()
    },
    watch(onUpdate) {
      // A fresh function, so that two watchers with one callback are two.
      const watcher = (): void => onUpdate()
      watchers.add(watcher)
      return () => void watchers.delete(watcher)
    },
  }
}
