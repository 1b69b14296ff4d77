/** Contract: leases, and how a run ends whose producer is lost. */
import { expect, test } from 'vitest'
import { PRODUCER_LOST_FRAME } from '../../../../server/log/producer-lost.ts'
import type { LogTest } from '../describe-log.ts'
import { RUN, frame, frames, keepAll, produce, readAll, readPage, watchInForce } from '../log-helpers.ts'

export function registerLeases(current: LogTest): void {
  const key = { key: 'k', fingerprint: 'f' }
  /** A run with two events. */
  const start = async (): Promise<number> => {
    const token = await produce(current.log, RUN, key)
    await current.log.append(RUN, frames(1, 2), { nonce: 'abc', retention: keepAll, at: 1, token })
    return token
  }

  test('a run whose lease has expired ends with producer-lost for every reader', async () => {
    const { log, other, fixture } = current
    await start()
    await fixture.advance(4_000)
    for (const reader of [log, other, log]) {
      const page = await readPage(reader, RUN, 2)
      expect(page).toMatchObject({ head: 3, state: 'closed' })
      expect(page.events).toEqual([{ position: 3, nonce: page.nonce, frame: PRODUCER_LOST_FRAME }])
    }
    expect(PRODUCER_LOST_FRAME).toMatch(/^event: error\ndata: \{"code":"producer-lost",.*"retryable":true\}\n$/)
  })

  test('a waiting reader is woken when another one finds that the producer is lost', async () => {
    const { log, other, fixture } = current
    const token = await start()
    const watch = await watchInForce(other, RUN, () =>
      log.append(RUN, [frame(3)], { nonce: 'abc', retention: keepAll, at: 3, token }),
    )
    await fixture.advance(4_000)
    const ended = watch.until(async () => ((await other.find(RUN))?.state === 'closed' ? true : undefined))
    await readPage(log, RUN)
    await ended
    expect(await readPage(other, RUN, 3)).toMatchObject({ head: 4, state: 'closed' })
    watch.stop()
  })

  test('a lost producer has no lease, and its appends are refused as closed', async () => {
    const { log, other, fixture } = current
    const token = await start()
    await fixture.advance(4_000)
    await readPage(other, RUN)
    expect(await log.renew(RUN, token, 4_000)).toBe('lost')
    const options = { nonce: 'abc', retention: keepAll, token }
    expect(await log.append(RUN, [frame(3)], { ...options, at: 3 })).toEqual({ refused: 'closed', head: 3 })
    expect(await log.append(RUN, frames(2, 4), { ...options, at: 2 })).toEqual({ refused: 'closed', head: 3 })
  })

  test('a lost run releases its key, so that the next claim produces another run', async () => {
    const { other, fixture } = current
    await start()
    await fixture.advance(3_999)
    const options = { owner: 'alice', lease: 4_000, keep: 60_000, ...key }
    expect(await other.claim('run:2', options)).toEqual({ role: 'reader', stream: RUN })
    await fixture.advance(1)
    expect(await other.claim('run:2', options)).toMatchObject({ role: 'producer' })
    expect(await readPage(other, RUN, 2)).toMatchObject({ state: 'closed', head: 3 })
    expect(await other.claim('run:3', options)).toEqual({ role: 'reader', stream: 'run:2' })
  })

  test('renew extends a lease from now on', async () => {
    const { log, fixture } = current
    const token = await start()
    await fixture.advance(3_000)
    expect(await log.renew(RUN, token, 4_000)).toBe('held')
    await fixture.advance(3_999)
    expect(await readPage(log, RUN)).toMatchObject({ state: 'open', head: 2 })
    await fixture.advance(1)
    expect(await readPage(log, RUN)).toMatchObject({ state: 'closed', head: 3 })
  })

  test('a run is kept for as long as it is renewed', async () => {
    const { log, fixture } = current
    const token = await start()
    for (let seconds = 0; seconds < 120; seconds += 3) {
      await fixture.advance(3_000)
      expect(await log.renew(RUN, token, 4_000)).toBe('held')
    }
    expect(await readAll(log, RUN)).toEqual(['1', '2'])
  })

  test('renew reports the lease of an unknown run, and of one that has ended, as lost', async () => {
    const { log } = current
    expect(await log.renew('run:unknown', 1, 4_000)).toBe('lost')
    const token = await start()
    await log.append(RUN, [frame(3)], { nonce: 'abc', retention: keepAll, at: 3, token, close: true })
    expect(await log.renew(RUN, token, 4_000)).toBe('lost')
  })

  test('a run that ended in time is not ended again when its lease would have expired', async () => {
    const { log, fixture } = current
    const token = await start()
    await log.append(RUN, [frame('end')], { nonce: 'abc', retention: keepAll, at: 3, token, close: true })
    await fixture.advance(5_000)
    expect(await readAll(log, RUN)).toEqual(['1', '2', 'end'])
  })

  test('finish ends a run once, and an unknown run never', async () => {
    const { log, other } = current
    await start()
    expect(await other.finish(RUN, frame('end'), 'always')).toBe(true)
    expect(await other.finish(RUN, frame('again'), 'always')).toBe(false)
    expect(await other.finish('run:unknown', frame('end'), 'always')).toBe(false)
    expect(await readAll(log, RUN)).toEqual(['1', '2', 'end'])
    expect(await log.claim('run:2', { owner: 'alice', lease: 4_000, keep: 60_000, ...key })).toEqual({
      role: 'reader',
      stream: RUN,
    })
  })

  test('finish with lease-lost ends a run only after its lease has expired, and releases its key', async () => {
    const { log, other, fixture } = current
    await start()
    expect(await other.finish(RUN, frame('lost'), 'lease-lost')).toBe(false)
    await fixture.advance(4_000)
    expect(await other.finish(RUN, frame('lost'), 'lease-lost')).toBe(true)
    expect(await readAll(log, RUN)).toEqual(['1', '2', 'lost'])
    expect(await log.claim('run:2', { owner: 'alice', lease: 4_000, keep: 60_000, ...key })).toMatchObject({
      role: 'producer',
    })
  })

  test('a run that another process finished is kept from that time on, not from the end of its lease', async () => {
    const { log, other, fixture } = current
    await produce(log, RUN, { lease: 600_000, keep: 60_000 })
    await fixture.advance(10_000)
    await other.finish(RUN, frame('end'), 'always')
    await fixture.advance(59_999)
    expect(await readAll(log, RUN)).toEqual(['end'])
    await fixture.advance(1)
    expect(await log.read(RUN, 0, { bytes: 1_000 })).toBeUndefined()
  })

  test('a finished run is forgotten after the time for which it is kept, with its key', async () => {
    const { log, other, fixture } = current
    const token = await start()
    await log.append(RUN, [frame(3)], { nonce: 'abc', retention: keepAll, at: 3, token, close: true })
    await fixture.advance(59_999)
    expect(await readAll(other, RUN)).toEqual(['1', '2', '3'])
    await fixture.advance(1)
    expect(await other.read(RUN, 0, { bytes: 1_000 })).toBeUndefined()
    expect(await other.find(RUN)).toBeUndefined()
    expect(await other.claim('run:2', { owner: 'alice', lease: 4_000, keep: 60_000, ...key })).toMatchObject({
      role: 'producer',
    })
  })
}
