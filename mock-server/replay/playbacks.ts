/** The playbacks of a server: those that are being read, and those that can be resumed. */
import type { Clock } from '../../server/base/clock.ts'
import type { PacedFrame, Playback } from './playback.ts'
import { createPlayback } from './playback.ts'

/** A playback that can be resumed. */
export interface KeptPlayback<Details> {
  readonly playback: Playback
  /** What its dialect knows of it. */
  readonly details: Details
}

/** A playback to start. */
export interface PlaybackPlan {
  readonly frames: readonly PacedFrame[]
  /** Milliseconds between paced frames. */
  readonly delay: number
  /** Keeps the playback under this key, for requests of the same owner, also without a reader. */
  readonly keep?: { readonly key: string; readonly owner: string; readonly details: unknown } | undefined
}

/** All playbacks of a server. */
export interface Playbacks {
  start(plan: PlaybackPlan): Playback
  /** Returns the newest playback with this key, unless it belongs to another owner. */
  find<Details>(key: string, owner: string): KeptPlayback<Details> | undefined
  /** Forgets a playback. */
  forget(key: string, owner: string): void
  /** Cuts every connection. */
  drop(): void
  /** Ends every connection and forgets everything. */
  clear(endState: 'cut' | 'ended'): void
}

/** Options of `createPlaybacks`. */
export interface PlaybacksOptions {
  /** Milliseconds for which a playback is kept after its end. */
  readonly retention: number
  /** Maximum number of playbacks that are kept; the oldest one is forgotten first. */
  readonly maxKept: number
  readonly clock: Clock
}

interface Entry extends KeptPlayback<unknown> {
  stopTimer: () => void
}

/** Creates an empty registry. */
export function createPlaybacks({ retention, maxKept, clock }: PlaybacksOptions): Playbacks {
  const open = new Set<Playback>()
  const kept = new Map<string, Entry>()
  const nameOf = (key: string, owner: string): string => JSON.stringify([owner, key])
  const forget = (name: string): void => {
    kept.get(name)?.stopTimer()
    kept.delete(name)
  }
  const drop = (endState: 'cut' | 'ended'): void => {
    for (const playback of open) playback.drop(endState)
  }

  return {
    start({ frames, delay, keep }) {
      const onReadersChange = (readers: number): unknown => (readers > 0 ? open.add(playback) : open.delete(playback))
      const playback = createPlayback({ frames, delay, clock, onReadersChange })
      if (!keep) return playback
      const name = nameOf(keep.key, keep.owner)
      forget(name)
      const [oldest] = kept.keys()
      if (kept.size >= maxKept && oldest !== undefined) forget(oldest)
      const duration = frames.filter(({ isPaced }) => isPaced).length * delay
      const stopTimer = clock.after(duration + retention, () => forget(name), 'housekeeping')
      kept.set(name, { playback, details: keep.details, stopTimer })
      return playback
    },
    find: <Details>(key: string, owner: string) => kept.get(nameOf(key, owner)) as KeptPlayback<Details> | undefined,
    forget: (key, owner) => forget(nameOf(key, owner)),
    drop: () => drop('cut'),
    clear(endState) {
      for (const name of kept.keys()) forget(name)
      drop(endState)
    },
  }
}
