/** `memoryLog`: the log of one process. */
import type { Clock } from '../base/clock.ts'
import { systemClock } from '../base/clock.ts'
import type { EventLog } from './event-log.ts'
import { MemoryStreams } from './memory-streams.ts'

/** Options of `memoryLog`. */
export interface MemoryLogOptions {
  /** How many bytes of events all streams keep together; further events are refused. @defaultValue 256 MiB */
  readonly maxBytes?: number
  /** How many runs are kept; beyond it, the oldest finished run that is not read is forgotten. @defaultValue 10_000 */
  readonly maxRuns?: number
  /**
   * Whether every call returns the same log, with the options of the first call. Development servers load a module twice,
   * and a feed and its sender would otherwise use different logs. @defaultValue true
   */
  readonly shared?: boolean
  /** Source of time, for tests. @defaultValue the platform's */
  readonly clock?: Clock
}

const SHARED = Symbol.for('rivulet.log')

/** Returns streams in memory as a log, whose methods are asynchronous. */
export const asLog = (streams: MemoryStreams): EventLog => ({
  append: async (stream, frames, options) => streams.append(stream, frames, options),
  read: async (stream, after, limits) => streams.read(stream, after, limits),
  tail: (stream, wake) => streams.tail(stream, wake),
  claim: async (stream, options) => streams.claim(stream, options),
  renew: async (stream, token, ms) => streams.renew(stream, token, ms),
  find: async (stream) => streams.find(stream),
  finish: async (stream, frame, when) => streams.finish(stream, frame, when),
  stop: async (stream) => streams.stop(stream),
  cancelKey: async (key, ms) => streams.cancelKey(key, ms),
  join: async (stream, process, ms) => streams.join(stream, process, ms),
  leave: async (stream, process) => streams.leave(stream, process),
  drop: async (stream) => streams.drop(stream),
  close: async () => streams.close(),
})

/**
 * Keeps streams in the memory of this process: they are lost when it ends, and other processes do not see them.
 *
 * @example
 * ```ts
 * const server = createServer({ log: memoryLog({ maxBytes: 64 * 1024 * 1024 }) })
 * ```
 */
export function memoryLog(options: MemoryLogOptions = {}): EventLog {
  const { maxBytes = 256 * 1024 * 1024, maxRuns = 10_000, shared = true, clock = systemClock } = options
  const create = (): EventLog => asLog(new MemoryStreams({ maxBytes, maxRuns, clock }))
  if (!shared) return create()
  const holder = globalThis as { [SHARED]?: EventLog }
  holder[SHARED] ??= create()
  return holder[SHARED]
}
