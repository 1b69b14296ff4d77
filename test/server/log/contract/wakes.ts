/** Contract: wakes, in the same process and in others. */
import { expect, test } from 'vitest'
import type { EventLog, Wake } from '../../../../server/log/event-log.ts'
import type { LogTest } from '../describe-log.ts'
import { FEED, RUN, frame, keepAll, produce, readPage, watchInForce, watchStream } from '../log-helpers.ts'

export function registerWakes(current: LogTest): void {
  const send = (log: EventLog, text: string) => log.append(FEED, [frame(text)], { nonce: 'abc', retention: keepAll })
  const has = (reasons: readonly Wake[], reason: Wake): true | undefined => reasons.includes(reason) || undefined

  test('an append wakes the readers of every process', async () => {
    const { log, other } = current
    const watches = [
      await watchInForce(log, FEED, () => send(log, 'x')),
      await watchInForce(other, FEED, () => send(log, 'x')),
      await watchInForce(other, FEED, () => send(log, 'x')),
    ]
    // Each was woken once at the beginning, and may be woken for what was appended until then.
    const expected = watches.map(({ reasons }) => reasons.length + 5)
    for (let count = 0; count < 5; count++) await send(log, 'x')
    for (const [index, watch] of watches.entries()) {
      await watch.until(() => (watch.reasons.length >= expected[index]! ? true : undefined))
      expect(new Set(watch.reasons)).toEqual(new Set(['appended']))
      watch.stop()
    }
  })

  test('an append wakes only the readers of its stream', async () => {
    const { log, other } = current
    const bystander = await watchInForce(other, 'feed:other', () =>
      log.append('feed:other', [frame(1)], { nonce: 'abc', retention: keepAll }),
    )
    const reader = await watchInForce(other, FEED, () => send(log, 'x'))
    await log.drop(FEED)
    await reader.until(() => has(reader.reasons, 'dropped'))
    expect(bystander.reasons).not.toContain('dropped')
    reader.stop()
    bystander.stop()
  })

  test('a stop in another process wakes the producer, and is found by renew and in the record', async () => {
    const { log, other } = current
    const token = await produce(log, RUN)
    const producer = await watchInForce(log, RUN, () =>
      log.append(RUN, [frame(1)], { nonce: 'abc', retention: keepAll, at: 1, token }),
    )
    expect(await log.renew(RUN, token, 4_000)).toBe('held')
    await other.stop(RUN)
    await producer.until(() => has(producer.reasons, 'stopped'))
    expect(await log.renew(RUN, token, 4_000)).toBe('stopped')
    expect(await other.find(RUN)).toMatchObject({ isStopped: true, state: 'open' })
    producer.stop()
  })

  test('a drop wakes the readers of every process, which do not find the run any more', async () => {
    const { log, other } = current
    const token = await produce(log, RUN)
    const reader = await watchInForce(other, RUN, () =>
      log.append(RUN, [frame(1)], { nonce: 'abc', retention: keepAll, at: 1, token }),
    )
    await log.drop(RUN)
    await reader.until(() => has(reader.reasons, 'dropped'))
    expect(await other.read(RUN, 0, { bytes: 1_000 })).toBeUndefined()
    expect(await log.append(RUN, [frame(2)], { nonce: 'abc', retention: keepAll, at: 2, token })).toEqual({
      refused: 'gone',
      head: 0,
    })
    reader.stop()
  })

  test('a reader that has stopped is not woken, and another one of the same callback still is', async () => {
    const { log } = current
    const reasons: Wake[] = []
    const wake = (reason: Wake): unknown => reasons.push(reason)
    const stop = log.tail(FEED, wake)
    const watch = await watchInForce(log, FEED, () => send(log, 'x'))
    log.tail(FEED, wake)
    stop()
    stop()
    await log.drop(FEED)
    await watch.until(() => has(watch.reasons, 'dropped'))
    expect(reasons.filter((reason) => reason === 'dropped')).toHaveLength(1)
    watch.stop()
  })

  test('a stream can be tailed again after its last reader has left', async () => {
    const { log, other } = current
    for (const head of [1, 2, 3]) {
      // Leaving and coming at once is what a reconnecting reader does.
      watchStream(other, FEED).stop()
      const watch = await watchInForce(other, FEED, () => send(log, 'x'))
      await watch.until(async () => ((await readPage(other, FEED)).head === head ? true : undefined))
      watch.stop()
    }
  })
}
