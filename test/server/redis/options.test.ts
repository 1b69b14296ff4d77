/** `redisLog` checks its options and the arguments of its methods. */
import { expect, test } from 'vitest'
import type { RedisLogOptions } from '../../../server/redis.ts'
import { redisLog } from '../../../server/redis.ts'

const client = { sendCommand: () => expect.unreachable(), duplicate: () => expect.unreachable() }

test.each<[string, RedisLogOptions]>([
  ['prefix', { prefix: '' }],
  ['prefix', { prefix: 'a{b}' }],
  ['timeout', { timeout: 0 }],
  ['timeout', { timeout: Infinity }],
  ['timeout', { timeout: NaN }],
  ['idle', { idle: 0 }],
  ['maxRuns', { maxRuns: -1 }],
])('an invalid %s is refused: %o', (name, options) => {
  expect(() => redisLog(client, options)).toThrow(new RegExp(`^redisLog: ${name} must be `))
})

test('an append without frames, or with an invalid limit or position, rejects', async () => {
  const log = redisLog(client)
  const retention = { events: 1, bytes: 1, age: 1 }
  await expect(log.append('feed:a', [], { nonce: 'n', retention })).rejects.toThrow(TypeError)
  await expect(log.append('feed:a', ['x'], { nonce: 'n', retention: { ...retention, bytes: NaN } })).rejects.toThrow(
    'retention.bytes must be a number from 0 to 9007199254740991, not NaN',
  )
  await expect(log.append('run:a', ['x'], { nonce: 'n', retention, at: -1 })).rejects.toThrow(RangeError)
  await expect(log.read('feed:a', -1, { bytes: 1 })).rejects.toThrow(RangeError)
})
