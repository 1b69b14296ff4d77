/** An append-only event log that any number of readers follow at their own pace. */

/**
 * Each reader holds a position instead of a queue, so a slow reader costs no memory. If a reader falls too far behind,
 * the item at its position is no longer kept.
 */
export interface EventLog<Item> {
  /** Position of the oldest item kept; positions count from 1. */
  readonly first: number
  /** Position of the newest item; 0 before the first append. */
  readonly head: number
  readonly state: 'open' | 'closed'
  /** Appends an item, notifies the watchers and returns the item's position. */
  append(item: Item): number
  /** Returns the item at `position`, or `undefined` if it is no longer kept or does not exist yet. */
  at(position: number): Item | undefined
  /** Marks the log as complete and notifies the watchers. */
  close(): void
  /** Calls `onUpdate` after each append and on close; returns a function that stops watching. */
  watch(onUpdate: () => void): () => void
}

/** Creates a log that keeps the last `limit` items. */
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
      // A wrapper per call, so that the same callback can be registered twice.
      const watcher = (): void => onUpdate()
      watchers.add(watcher)
      return () => void watchers.delete(watcher)
    },
  }
}
