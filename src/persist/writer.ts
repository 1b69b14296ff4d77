/** Brings the newest cursor into a store: not at every move, in order, and before the page goes. */
import type { Clock } from '../base/clock.ts'
import type { Cursor } from '../base/errors.ts'
import { addLastAct, removeLastAct } from './page-hide.ts'

/** A write that is due, or under way; without a cursor it removes what is stored. */
export interface Write {
  readonly cursor: Cursor | undefined
}

export interface Writer {
  /** The newest write that the store has not confirmed. */
  readonly unsettled: Write | undefined
  /** Writes `cursor`, at once or soon; `undefined` removes what is stored, at once. */
  put(cursor: Cursor | undefined): void
}

/** Least time between the beginnings of two writes (milliseconds). */
const INTERVAL = 250

/** Makes a writer. `store` may throw, reject, and take its time: one write is under way at a time, and the newest is next. */
export function createWriter(store: (cursor: Cursor | undefined) => unknown, clock: Clock): Writer {
  let due: Write | undefined
  let underWay: Write | undefined
  let writtenAt = -INTERVAL
  let cancelTimer: (() => void) | undefined

  const write = async (): Promise<void> => {
    if (underWay || !due) return
    cancelTimer?.()
    cancelTimer = undefined
    removeLastAct(act)
    underWay = due
    due = undefined
    writtenAt = clock.now()
    try {
      const writing = store(underWay.cursor)
      // A store that answers at once is not waited for, not even a microtask: the page may be going.
      if (writing && typeof writing === 'object') await (writing as PromiseLike<unknown>)
    } catch {
      // No room, no permission, no store: the stream does not depend on it, and the next write may succeed.
    }
    underWay = undefined
    plan()
  }
  const act = (): void => void write()
  const plan = (): void => {
    if (underWay || !due) return
    const rest = writtenAt + INTERVAL - clock.now()
    if (!due.cursor || rest <= 0) act()
    else cancelTimer ??= clock.after(rest, act)
  }

  return {
    get unsettled() {
      return due ?? underWay
    },
    put(cursor) {
      if (!due) addLastAct(act)
      due = { cursor }
      plan()
    },
  }
}
