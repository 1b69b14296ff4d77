/** Ends a stream when its reader's token expires. */
import type { Clock } from '../../server/base/clock.ts'
import type { Source } from './source.ts'

/** Wraps a source so that it ends cleanly after `ms` milliseconds; the client can then reconnect with a new token. */
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
    close() {
      stopTimer()
      source.close()
    },
  }
}
