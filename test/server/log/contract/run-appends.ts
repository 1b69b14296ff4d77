/** Contract: appends to runs, each at an explicit position and with the token of the claim. */
import { expect, test } from 'vitest'
import type { AppendOptions } from '../../../../server/log/event-log.ts'
import type { LogTest } from '../describe-log.ts'
import { RUN, frame, frames, keepAll, produce, readAll, readPage, textsOf } from '../log-helpers.ts'

export function registerRunAppends(current: LogTest): void {
  const append = (texts: readonly string[], options: Partial<AppendOptions>) =>
    current.log.append(RUN, texts, { nonce: 'abc', retention: keepAll, ...options })

  test('a run that was not claimed does not exist: it is not read, and appends are refused as gone', async () => {
    const { log } = current
    expect(await log.read(RUN, 0, { bytes: 1_000 })).toBeUndefined()
    expect(await append([frame(1)], { at: 1, token: 1 })).toEqual({ refused: 'gone', head: 0 })
    expect(await log.read(RUN, 0, { bytes: 1_000 })).toBeUndefined()
  })

  test('a repeated append at the same position returns the same position and IDs, and adds nothing', async () => {
    const token = await produce(current.log, RUN)
    const first = await append(frames(1, 3), { at: 1, token })
    const { events } = await readPage(current.log, RUN)
    expect(await append(frames(1, 3), { at: 1, token })).toEqual(first)
    expect((await readPage(current.log, RUN)).events).toEqual(events)
  })

  test('an append that overlaps what was appended adds only the rest', async () => {
    const token = await produce(current.log, RUN)
    await append(frames(1, 3), { at: 1, token })
    expect(await append(frames(2, 5), { at: 2, token, nonce: 'def' })).toMatchObject({ position: 5 })
    const { events } = await readPage(current.log, RUN)
    expect(textsOf(events)).toEqual(['1', '2', '3', '4', '5'])
    expect(events.map(({ nonce }) => nonce)).toEqual(['abc', 'abc', 'abc', 'def', 'def'])
  })

  test('an append that would leave a hole is refused as a gap, and the producer continues from the head', async () => {
    const token = await produce(current.log, RUN)
    await append(frames(1, 2), { at: 1, token })
    expect(await append([frame(5)], { at: 5, token })).toEqual({ refused: 'gap', head: 2 })
    const kept = frames(1, 5)
    expect(await append(kept.slice(2), { at: 3, token })).toMatchObject({ position: 5 })
    expect(await readAll(current.log, RUN)).toEqual(['1', '2', '3', '4', '5'])
  })

  test('a token that is not the newest is fenced', async () => {
    const { log, other } = current
    const old = await produce(log, RUN)
    await log.drop(RUN)
    const token = await produce(other, RUN)
    expect(await append([frame('old')], { at: 1, token: old })).toEqual({ refused: 'fenced', head: 0 })
    expect(await append([frame('new')], { at: 1, token })).toMatchObject({ position: 1 })
    expect(await log.renew(RUN, old, 4_000)).toBe('lost')
    expect(await log.renew(RUN, token, 4_000)).toBe('held')
  })

  test('a run refuses appends after its terminal event, except a repeated one', async () => {
    const token = await produce(current.log, RUN)
    const last = await append(frames(1, 2), { at: 1, token, close: true })
    expect(await append(frames(1, 2), { at: 1, token, close: true })).toEqual(last)
    expect(await append([frame(3)], { at: 3, token })).toEqual({ refused: 'closed', head: 2 })
    expect(await append(frames(2, 3), { at: 2, token })).toEqual({ refused: 'closed', head: 2 })
    expect(await append([frame(9)], { at: 9, token })).toEqual({ refused: 'closed', head: 2 })
    expect(await readAll(current.log, RUN)).toEqual(['1', '2'])
  })

  test('an append at the position of a terminal event that another process wrote is refused as closed', async () => {
    const { other } = current
    const token = await produce(current.log, RUN)
    await append([frame(1)], { at: 1, token })
    expect(await other.finish(RUN, frame('cancelled'), 'always')).toBe(true)
    expect(await append([frame(2)], { at: 2, token })).toEqual({ refused: 'closed', head: 2 })
    expect(await append([frame(1)], { at: 1, token })).toMatchObject({ position: 1 })
    expect(await readAll(current.log, RUN)).toEqual(['1', 'cancelled'])
  })

  test('a run is never trimmed, and refuses what exceeds four times its bytes as overloaded', async () => {
    const token = await produce(current.log, RUN)
    const retention = { events: 1, bytes: 50, age: Infinity }
    const text = frame('x'.repeat(43))
    for (let at = 1; at <= 4; at++)
      expect(await append([text], { at, token, retention })).toMatchObject({ position: at })
    expect(await append([text], { at: 5, token, retention })).toEqual({ refused: 'overloaded', head: 4 })
    expect(await append([text, text], { at: 4, token, retention })).toEqual({ refused: 'overloaded', head: 4 })
    await current.fixture.settle()
    expect(await readPage(current.log, RUN)).toMatchObject({ first: 1, head: 4 })
  })
}
