/** The log of all streams in Redis: each method is one script. */
import type { Clock } from '../base/clock.ts'
import { createNonce } from '../base/nonce.ts'
import type { EventLog } from '../log/event-log.ts'
import { PRODUCER_LOST_FRAME } from '../log/producer-lost.ts'
import { isRun } from '../log/stream-name.ts'
import type { RedisClient } from './client.ts'
import { createCommands } from './commands.ts'
import type { CheckedOptions } from './options.ts'
import { parseAppended, parseClaim, parsePage, parseRecord } from './replies.ts'
import { append } from './scripts/append.ts'
import type { Script } from './scripts/prelude.ts'
import { read } from './scripts/read.ts'
import { cancelKey, claim, drop, findRun, finish, join, leave, renew, stop } from './scripts/runs.ts'
import { createSubscriber } from './subscriber.ts'

/** Returns a number as an argument of a script; an infinite one, or none, as an empty text. */
function numberArgument(name: string, value: number | undefined): string {
  if (value === undefined || value === Infinity) return ''
  // Lua keeps numbers exactly up to this size, as JavaScript does.
  if (!(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) {
    throw new RangeError(`${name} must be a number from 0 to ${Number.MAX_SAFE_INTEGER}, not ${value}`)
  }
  return String(Math.ceil(value))
}

/** Returns a duration as an argument of a script, which adds it to a time: infinite ones are cut to 1,000 years. */
const durationArgument = (name: string, ms: number): string => numberArgument(name, Math.min(ms, 31_536_000_000_000))

const flag = (value: boolean): string => (value ? '1' : '0')

/** Creates the log. */
export function createRedisLog(
  client: RedisClient,
  { prefix, timeout, idle, maxRuns, onError, now }: CheckedOptions,
  clock: Pick<Clock, 'after'>,
): EventLog {
  const commands = createCommands(client, { timeout, clock })
  const subscriber = createSubscriber(client, { channelOf: (stream) => `${prefix}{${stream}}`, onError })

  const run = (script: Script, stream: string, ...args: readonly string[]): Promise<unknown> =>
    commands.run(script, [prefix, stream, numberArgument('now', now?.()), ...args])

  return {
    async append(stream, frames, { nonce, retention, at, token, sender, close = false }) {
      if (frames.length === 0) throw new TypeError(`append: needs at least one frame: ${stream}`)
      const reply = await run(
        append,
        stream,
        flag(isRun(stream)),
        nonce,
        flag(close),
        createNonce(),
        numberArgument('retention.events', retention.events),
        numberArgument('retention.bytes', retention.bytes),
        numberArgument('retention.age', retention.age),
        numberArgument('idle', idle),
        numberArgument('at', at),
        numberArgument('token', token),
        sender?.id ?? '',
        numberArgument('sender.sequence', sender?.sequence),
        ...frames,
      )
      return parseAppended(reply)
    },
    async read(stream, after, { bytes }) {
      const reply = await run(
        read,
        stream,
        flag(isRun(stream)),
        numberArgument('after', after),
        numberArgument('bytes', bytes),
        createNonce(),
        numberArgument('idle', idle),
        createNonce(),
        PRODUCER_LOST_FRAME,
      )
      return parsePage(reply, after)
    },
    tail: (stream, wake) => subscriber.tail(stream, wake),
    async claim(stream, { key = '', fingerprint = '', owner, lease, keep }) {
      const reply = await run(
        claim,
        stream,
        key,
        fingerprint,
        owner,
        durationArgument('lease', lease),
        durationArgument('keep', keep),
        numberArgument('maxRuns', maxRuns),
        createNonce(),
        createNonce(),
        PRODUCER_LOST_FRAME,
      )
      return parseClaim(reply)
    },
    async renew(stream, token, ms) {
      const reply = await run(renew, stream, numberArgument('token', token), durationArgument('ms', ms))
      return reply === 'held' || reply === 'stopped' ? reply : 'lost'
    },
    async find(stream) {
      return parseRecord(await run(findRun, stream))
    },
    async finish(stream, frame, when) {
      return (await run(finish, stream, flag(when === 'lease-lost'), createNonce(), frame)) === 1
    },
    async stop(stream) {
      await run(stop, stream)
    },
    async cancelKey(key, ms) {
      const reply = await run(cancelKey, '', key, durationArgument('ms', ms))
      return typeof reply === 'string' && reply !== '' ? reply : undefined
    },
    async join(stream, process, ms) {
      await run(join, stream, process, durationArgument('ms', ms))
    },
    async leave(stream, process) {
      await run(leave, stream, process)
    },
    async drop(stream) {
      await run(drop, stream)
    },
    async close() {
      commands.close()
      subscriber.close()
    },
  }
}
