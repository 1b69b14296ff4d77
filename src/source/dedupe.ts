/** Recognizes events that a new connection repeats, by the ids of the last events. */

export interface DedupeWindow {
  /** Starts a new connection: every id remembered so far is a duplicate if it comes again. */
  beginConnection(): void
  /** Returns whether an earlier connection received this id. */
  isDuplicate(id: string): boolean
  /** Records an id that was received. */
  remember(id: string): void
  /** Forgets all ids, after the server has started a new sequence. */
  clear(): void
}

/** Creates a window of the last `size` ids. `initialId`, if any, counts as received by an earlier connection. */
export function createDedupeWindow(size: number, initialId: string | undefined): DedupeWindow {
  // A new id costs one array write. The set of earlier ids exists only until `size` new ids were received: after that, no
  // earlier id is in the window.
  let recentIds: string[] = initialId && size ? [initialId] : []
  let nextSlot = recentIds.length
  let earlierIds: Set<string> | undefined
  let newIdCount = 0

  return {
    beginConnection() {
      earlierIds = new Set(recentIds)
      newIdCount = 0
    },
    isDuplicate: (id) => !!earlierIds?.has(id),
    remember(id) {
      recentIds[nextSlot++ % size] = id
      if (++newIdCount >= size) earlierIds = undefined
    },
    clear() {
      recentIds = []
      earlierIds = undefined
    },
  }
}
