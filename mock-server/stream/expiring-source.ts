/** Ends a stream when the token of its reader expires. */
import type { Clock } from '../base/clock.ts'
import type { Source } from './source.ts'

/** The same source, which ends in good order `ms` milliseconds from now: the client comes back with a new token. */
export function expiring(source: Source, ms: number, clock: Clock): Source {
  let life: 'valid' | 'expired' = 'valid'
  const wakes = new Set<() => void>()
  const expire = (): void => {
    life = 'expired'
    for (const wake of wakes) wake()
  }
  const stopTimer = clock.after(Math.max(0, ms), expire, 'housekeeping')
  return {
    take: () => (life === 'expired' ? undefined : source.take()),
    get state() {
      return life === 'expired' ? 'expired' : source.state
    },
    watch(wake) {
      wakes.add(wake)
      const unwatch = source.watch(wake)
      return () => {
        wakes.delete(wake)
        unwatch()
      }
    },
    idle: () => source.idle?.(),
    close() {
      stopTimer()
      source.close()
    },
  }
}
