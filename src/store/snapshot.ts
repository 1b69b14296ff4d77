/** Snapshots of what changes with every event, for frameworks that render them: replaced at most once per frame. */
import { type Clock, systemClock } from '../base/clock.ts'

/**
 * When a store notifies: `frame`, once per frame, and in a hidden tab every 250 ms; a number, at most every so many
 * milliseconds; `sync`, at once.
 */
export type Pace = 'frame' | 'sync' | number

/** Options of every store. */
export interface StoreOptions {
  /**
   * How often listeners are called while events arrive.
   *
   * @defaultValue `'frame'`
   * @example
   * ```ts
   * createRunStore(client, { pace: 100 })
   * ```
   */
  pace?: Pace | undefined
  /**
   * Clock for timers, to be replaced in tests.
   *
   * @defaultValue the platform's
   * @example
   * ```ts
   * const after: Clock['after'] = (ms, callback) => (queueMicrotask(callback), () => {})
   * createRunStore(client, { clock: { now: () => 0, after } })
   * ```
   */
  clock?: Clock | undefined
}

/** A value over time, as `useSyncExternalStore` of React reads it. */
export interface ReadableStore<Snapshot> {
  /** Returns the current snapshot: the same object until the listeners are called. */
  get(): Snapshot
  /** Calls `listener` after each change. Returns a function that removes it. */
  subscribe(listener: () => void): () => void
}

interface SnapshotStore<Snapshot> extends ReadableStore<Snapshot> {
  /** Replaces the snapshot soon: as `pace` says. */
  request(): void
  /** Replaces the snapshot now. */
  flush(): void
}

/** Milliseconds between updates where there are no frames: in a hidden tab, and on platforms without them. */
const HIDDEN_INTERVAL_MS = 250
const FRAMELESS_INTERVAL_MS = 16

/** Creates a store of what `compute` returns. */
export function createSnapshotStore<Snapshot>(
  compute: () => Snapshot,
  { pace = 'frame', clock = systemClock }: StoreOptions,
): SnapshotStore<Snapshot> {
  const listeners = new Set<() => void>()
  let snapshot = compute()
  let cancel: (() => void) | undefined

  const flush = (): void => {
    cancel?.()
    cancel = undefined
    snapshot = compute()
    for (const listener of listeners) listener()
  }
  return {
    get: () => snapshot,
    subscribe(listener) {
      const added = (): void => listener()
      listeners.add(added)
      return () => listeners.delete(added)
    },
    request() {
      if (pace === 'sync') return flush()
      if (cancel) return
      // A hidden tab has no frames: what comes first, the frame or the timer, cancels the other.
      const frame = pace === 'frame' && globalThis.requestAnimationFrame?.(flush)
      const unframed = frame ? HIDDEN_INTERVAL_MS : FRAMELESS_INTERVAL_MS
      const cancelTimer = clock.after(pace === 'frame' ? unframed : pace, flush)
      cancel = () => {
        cancelTimer()
        if (frame) cancelAnimationFrame(frame)
      }
    },
    flush,
  }
}
