/** Writes the newest cursor to a store: throttled, in order, and before the page goes away. */
import type { Clock } from '../base/clock.ts'
import { addFlush, removeFlush } from './page-hide.ts'
import type { StoredFields } from './parse-cursor.ts'

/** A write that is pending or in flight; without a cursor, it removes the stored cursor. */
export interface Write {
  readonly cursor: StoredFields | undefined
}

export interface Writer {
  /** The newest write that the store has not confirmed yet. */
  readonly unconfirmed: Write | undefined
  /** Writes `cursor`, throttled; `undefined` removes the stored cursor at once. */
  put(cursor: StoredFields | undefined): void
}

/** Minimum milliseconds between the starts of two writes. */
const MIN_WRITE_INTERVAL_MS = 250

/**
 * Creates a writer. `store` may throw, reject, or be slow: only one write is in flight at a time, and the newest cursor
 * is written next.
 */
export function createCursorWriter(store: (cursor: StoredFields | undefined) => unknown, clock: Clock): Writer {
  let pending: Write | undefined
  let inFlight: Write | undefined
  let writtenAt = -MIN_WRITE_INTERVAL_MS
  let cancelTimer: (() => void) | undefined

  const write = async (): Promise<void> => {
    if (inFlight || !pending) return
    cancelTimer?.()
    cancelTimer = undefined
    removeFlush(flush)
    inFlight = pending
    pending = undefined
    writtenAt = clock.now()
    try {
      const result = store(inFlight.cursor)
      // A synchronous store is not awaited, not even for a microtask: the page may be unloading.
      if (result && typeof result === 'object') await (result as PromiseLike<unknown>)
    } catch {
      // Quota exceeded, permission denied, or no store: the stream works without the write, and the next may succeed.
    }
    inFlight = undefined
    scheduleWrite()
  }
  const flush = (): void => void write()
  const scheduleWrite = (): void => {
    if (inFlight || !pending) return
    const remainingMs = writtenAt + MIN_WRITE_INTERVAL_MS - clock.now()
    if (!pending.cursor || remainingMs <= 0) flush()
    else cancelTimer ??= clock.after(remainingMs, flush)
  }

  return {
    get unconfirmed() {
      return pending ?? inFlight
    },
    put(cursor) {
      if (!pending) addFlush(flush)
      pending = { cursor }
      scheduleWrite()
    },
  }
}
