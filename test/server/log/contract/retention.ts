/** Contract: retention by events, bytes and age. */
import { expect, test } from 'vitest'
import type { Appended, Retention } from '../../../../server/log/event-log.ts'
import type { LogTest } from '../describe-log.ts'
import { FEED, frame, frames, readPage } from '../log-helpers.ts'

export function registerRetention(current: LogTest): void {
  const append = async (texts: readonly string[], retention: Retention): Promise<Appended> => {
    const appended = await current.log.append(FEED, texts, { nonce: 'abc', retention })
    await current.fixture.settle()
    return appended
  }

  test('the oldest events beyond the number are trimmed, and a reader behind them learns that events are missing', async () => {
    const retention = { events: 3, bytes: 1_000, age: 0 }
    await append(frames(1, 2), retention)
    expect(await readPage(current.log, FEED)).toMatchObject({ first: 1, head: 2 })
    await append(frames(3, 7), retention)
    const page = await readPage(current.log, FEED, 2)
    expect(page).toMatchObject({ first: 5, head: 7, nonce: 'abc' })
    expect(page.events.map(({ position }) => position)).toEqual([5, 6, 7])
  })

  test('the oldest events beyond the bytes are trimmed, counted in UTF-8', async () => {
    const text = frame('é'.repeat(10))
    const retention = { events: 100, bytes: 3 * 27, age: 0 }
    for (let count = 0; count < 5; count++) await append([text], retention)
    expect(await readPage(current.log, FEED)).toMatchObject({ first: 3, head: 5 })
  })

  test('an event is not trimmed before its age, whatever the other limits say', async () => {
    const { fixture, log } = current
    const retention = { events: 1, bytes: 40, age: 1_000 }
    await append(frames(1, 3), retention)
    await fixture.advance(999)
    await append([frame(4)], retention)
    expect(await readPage(log, FEED)).toMatchObject({ first: 1, head: 4 })
    await fixture.advance(1)
    await append([frame(5)], retention)
    expect(await readPage(log, FEED)).toMatchObject({ first: 4, head: 5 })
  })

  test('a feed whose young events have four times its bytes is overloaded, until they are old enough', async () => {
    const { fixture, log } = current
    const retention = { events: 1_000, bytes: 50, age: 1_000 }
    const text = frame('x'.repeat(43))
    for (let count = 0; count < 4; count++) await append([text], retention)
    expect(await append([text], retention)).toEqual({ refused: 'overloaded', head: 4 })
    expect(await readPage(log, FEED)).toMatchObject({ first: 1, head: 4 })
    await fixture.advance(1_000)
    expect(await append([text], retention)).toMatchObject({ position: 5 })
    expect((await readPage(log, FEED)).first).toBeGreaterThan(1)
  })

  test('an append is refused as a whole if it alone has more than four times the bytes', async () => {
    const retention = { events: 1_000, bytes: 10, age: 0 }
    expect(await append(frames(1, 6), retention)).toEqual({ refused: 'overloaded', head: 0 })
    expect(await readPage(current.log, FEED)).toMatchObject({ head: 0, events: [] })
  })

  test('a reader that is overtaken by trims sees every event, or that events are missing', async () => {
    const { log } = current
    const retention = { events: 5, bytes: 1_000, age: 0 }
    let after = 0
    let missing = 0
    const seen: number[] = []
    for (let next = 1; next < 100; next += 4) {
      await append(frames(next, next + 3), retention)
      const page = await readPage(log, FEED, after, 2 * frame(10).length)
      missing += Math.max(0, page.first - after - 1)
      seen.push(...page.events.map(({ position }) => position))
      after = page.events.at(-1)!.position
    }
    expect(missing).toBeGreaterThan(0)
    expect(seen.length + missing).toBe(after)
  })
}
