/** Contract: processes that have readers of a run, and how long they keep the run. */
import { expect, test } from 'vitest'
import type { LogTest } from '../describe-log.ts'
import { RUN, frame, keepAll, produce, readAll } from '../log-helpers.ts'

export function registerReaders(current: LogTest): void {
  test('the record of a run has its owner and state, and no reader at first', async () => {
    const { log, other, fixture } = current
    await produce(log, RUN, { owner: 'bob' })
    await fixture.advance(1_000)
    expect(await other.find(RUN)).toEqual({
      owner: 'bob',
      state: 'open',
      isStopped: false,
      readers: 0,
      unreadFor: 1_000,
    })
    expect(await other.find('run:unknown')).toBeUndefined()
  })

  test('a run counts the processes that have readers, each once', async () => {
    const { log, other } = current
    await produce(log, RUN)
    await log.join(RUN, 'process 1', 10_000)
    await log.join(RUN, 'process 1', 10_000)
    await other.join(RUN, 'process 2', 10_000)
    expect(await log.find(RUN)).toMatchObject({ readers: 2, unreadFor: 0 })
    await other.leave(RUN, 'process 2')
    expect(await log.find(RUN)).toMatchObject({ readers: 1, unreadFor: 0 })
  })

  test('a run is unread from when the last process left', async () => {
    const { log, fixture } = current
    await produce(log, RUN)
    await log.join(RUN, 'process 1', 10_000)
    await fixture.advance(1_000)
    await log.leave(RUN, 'process 1')
    await fixture.advance(500)
    await log.leave(RUN, 'process 1')
    expect(await log.find(RUN)).toMatchObject({ readers: 0, unreadFor: 500 })
  })

  test('the readers of a process that disappeared expire, and the run is unread from the last expiry', async () => {
    const { log, other, fixture } = current
    await produce(log, RUN, { lease: 60_000 })
    await log.join(RUN, 'process 1', 10_000)
    await other.join(RUN, 'process 2', 12_000)
    await fixture.advance(11_000)
    expect(await log.find(RUN)).toMatchObject({ readers: 1, unreadFor: 0 })
    await fixture.advance(3_000)
    expect(await log.find(RUN)).toMatchObject({ readers: 0, unreadFor: 2_000 })
  })

  test('a process that left after others had expired is the last one', async () => {
    const { log, other, fixture } = current
    await produce(log, RUN, { lease: 60_000 })
    await log.join(RUN, 'process 1', 10_000)
    await other.join(RUN, 'process 2', 30_000)
    await fixture.advance(15_000)
    await other.leave(RUN, 'process 2')
    await fixture.advance(1_000)
    expect(await log.find(RUN)).toMatchObject({ readers: 0, unreadFor: 1_000 })
  })

  test('a process that joins again in time does not expire', async () => {
    const { log, fixture } = current
    await produce(log, RUN, { lease: 60_000 })
    await log.join(RUN, 'process 1', 10_000)
    await fixture.advance(9_000)
    await log.join(RUN, 'process 1', 10_000)
    await fixture.advance(9_000)
    expect(await log.find(RUN)).toMatchObject({ readers: 1, unreadFor: 0 })
  })

  test('a finished run is kept while it has readers, and as long as promised after the last one left', async () => {
    const { log, other, fixture } = current
    const token = await produce(log, RUN)
    await log.join(RUN, 'process 1', 100_000)
    await log.append(RUN, [frame('end')], { nonce: 'abc', retention: keepAll, at: 1, token, close: true })
    await fixture.advance(90_000)
    await log.leave(RUN, 'process 1')
    await fixture.advance(59_999)
    expect(await readAll(other, RUN)).toEqual(['end'])
    await fixture.advance(1)
    expect(await other.read(RUN, 0, { bytes: 1_000 })).toBeUndefined()
  })

  test('a process joins and leaves an unknown run without effect', async () => {
    const { log } = current
    await log.join('run:unknown', 'process 1', 10_000)
    await log.leave('run:unknown', 'process 1')
    expect(await log.find('run:unknown')).toBeUndefined()
    expect(await log.read('run:unknown', 0, { bytes: 1_000 })).toBeUndefined()
  })
}
