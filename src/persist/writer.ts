/** Brings the newest cursor into a store: not at every move, in order, and before the page goes. */
import type { Clock } from '../base/clock.ts'
import type { Cursor } from '../base/errors.ts'
import { addFlush, removeFlush } from './page-hide.ts'

/** A write that is due, or under way; without a cursor it removes what is stored. */
export interface Write {
  readonly cursor: Cursor | undefined
}

export interface Writer {
  /** The newest write that the store has not confirmed. */
  readonly unconfirmed: Write | undefined
  /** Writes `cursor`, at once or soon; `undefined` removes what is stored, at once. */
  put(cursor: Cursor | undefined): void
}

/** Least time between the beginnings of two writes (milliseconds). */
const MIN_WRITE_INTERVAL_MS = 250

/** Makes a writer. `store` may throw, reject, and take its time: one write is under way at a time, and the newest is next. */
export function createWriter(store: (cursor: Cursor | undefined) => unknown, clock: Clock): Writer {
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
      // A store that answers at once is not waited for, not even a microtask: the page may be going.
      if (result && typeof result === 'object') await (result as PromiseLike<unknown>)
    } catch {
      // No room, no permission, no store: the stream does not depend on it, and the next write may succeed.
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
