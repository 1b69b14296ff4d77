/** Ends a stream when the token of its reader expires. */
import type { Clock } from '../base/clock.ts'
import type { Source } from './source.ts'

/** The same source, which ends in good order `ms` milliseconds from now: the client comes back with a new token. */
export function createExpiringSource(source: Source, ms: number, clock: Clock): Source {
  let tokenState: 'valid' | 'expired' = 'valid'
  const watchers = new Set<() => void>()
  const expire = (): void => {
    tokenState = 'expired'
    for (const onUpdate of watchers) onUpdate()
  }
  const stopTimer = clock.after(Math.max(0, ms), expire, 'housekeeping')
  return {
    take: () => (tokenState === 'expired' ? undefined : source.take()),
    get state() {
      return tokenState === 'expired' ? 'expired' : source.state
    },
    watch(onUpdate) {
      watchers.add(onUpdate)
      const unwatch = source.watch(onUpdate)
      return () => {
        watchers.delete(onUpdate)
        unwatch()
      }
    },
    heartbeatFrame: () => source.heartbeatFrame?.(),
    close() {
      stopTimer()
      source.close()
    },
  }
}
