/** An answer that is known in full and is sent over time, to any number of readers. */
import type { Clock } from '../../server/base/clock.ts'
import type { Frame } from '../stream/frame.ts'
import type { Source } from '../stream/source.ts'

/** A frame, and whether there is a pause before it. */
export interface PacedFrame {
  readonly frame: Frame
  readonly isPaced: boolean
}

/** Options of `createPlayback`. */
export interface PlaybackOptions {
  readonly frames: readonly PacedFrame[]
  /** Length of a pause in milliseconds. */
  readonly delay: number
  readonly clock: Clock
  /** Called with the number of readers when it changes. */
  onReadersChange?(readers: number): void
}

/** An answer that is being sent. */
export interface Playback {
  /** `finished` once the last frame is due. */
  readonly state: 'running' | 'finished'
  /** Number of frames that are due. */
  readonly length: number
  /** Adds a reader, which starts with the frame at `position`. */
  read(position?: number): Source
  /** Replaces the frames that are not due yet. */
  finish(frames: readonly Frame[]): void
  /** Cuts or ends every connection. */
  drop(endState: 'cut' | 'ended'): void
}

/** Starts a playback. */
export function createPlayback({ frames: planned, delay, clock, onReadersChange }: PlaybackOptions): Playback {
  const startedAt = clock.now()
  let pauses = 0
  let frames = planned.map(({ frame, isPaced }) => {
    if (isPaced) pauses++
    return { frame, dueAt: startedAt + pauses * delay }
  })
  const watchers = new Set<() => void>()
  const drops = new Set<(endState: 'cut' | 'ended') => void>()
  let dueCount = 0
  let stopTimer: (() => void) | undefined

  const countDue = (): number => {
    const now = clock.now()
    while (dueCount < frames.length && frames[dueCount]!.dueAt <= now) dueCount++
    return dueCount
  }
  const notify = (): void => {
    for (const onUpdate of watchers) onUpdate()
  }
  /** Sets the timer for the next frame, as long as somebody watches. */
  const armTimer = (): void => {
    stopTimer?.()
    stopTimer = undefined
    const next = frames[countDue()]
    if (!next || watchers.size === 0) return
    stopTimer = clock.after(Math.max(0, next.dueAt - clock.now()), () => {
      armTimer()
      notify()
    })
  }

  return {
    get state() {
      return countDue() < frames.length ? 'running' : 'finished'
    },
    get length() {
      return countDue()
    },
    read(start = 0) {
      let position = start
      let state: Source['state'] = 'open'
      const drop = (endState: 'cut' | 'ended'): void => {
        state = endState
        notify()
      }
      drops.add(drop)
      onReadersChange?.(drops.size)
      return {
        get state() {
          return state === 'open' && position >= frames.length ? 'ended' : state
        },
        take: () => (state === 'open' && position < countDue() ? frames[position++]!.frame : undefined),
        watch(onUpdate) {
          // Another object for each call, because one reader watches twice.
          const watcher = (): void => onUpdate()
          watchers.add(watcher)
          if (!stopTimer) armTimer()
          return () => {
            watchers.delete(watcher)
            if (watchers.size === 0) armTimer()
          }
        },
        close() {
          drops.delete(drop)
          onReadersChange?.(drops.size)
        },
      }
    },
    finish(last) {
      const dueAt = clock.now()
      frames = [...frames.slice(0, countDue()), ...last.map((frame) => ({ frame, dueAt }))]
      armTimer()
      notify()
    },
    drop(endState) {
      for (const drop of drops) drop(endState)
    },
  }
}
