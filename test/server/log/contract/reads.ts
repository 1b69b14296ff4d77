/** Contract: pages. */
import { expect, test } from 'vitest'
import type { LogTest } from '../describe-log.ts'
import { FEED, frame, frames, keepAll, readPage, textsOf } from '../log-helpers.ts'

export function registerReads(current: LogTest): void {
  test('the first read creates a feed, whose epoch stays the same for every process', async () => {
    const { log, other } = current
    const page = await readPage(log, FEED)
    expect(page).toEqual({
      epoch: page.epoch,
      first: 1,
      head: 0,
      nonce: '',
      previousNonce: '',
      state: 'open',
      events: [],
    })
    expect((await readPage(other, FEED)).epoch).toBe(page.epoch)
    expect(await other.append(FEED, [frame(1)], { nonce: 'abc', retention: keepAll })).toMatchObject({
      epoch: page.epoch,
    })
  })

  test('two feeds, and a feed that was dropped and created again, have different epochs', async () => {
    const { log } = current
    const epochs = [(await readPage(log, FEED)).epoch, (await readPage(log, 'feed:other')).epoch]
    await log.drop(FEED)
    epochs.push((await readPage(log, FEED)).epoch)
    expect(new Set(epochs).size).toBe(3)
  })

  test('a page has the events after a position, and ends before it has more bytes than allowed', async () => {
    const { log } = current
    await log.append(FEED, frames(1, 9), { nonce: 'abc', retention: keepAll })
    const size = frame(1).length
    const page = await readPage(log, FEED, 3, 4 * size)
    expect(textsOf(page.events)).toEqual(['4', '5', '6', '7'])
    expect(page).toMatchObject({ first: 1, head: 9 })
  })

  test('a page has at least one event, however few bytes are allowed', async () => {
    const { log } = current
    await log.append(FEED, frames(1, 2), { nonce: 'abc', retention: keepAll })
    expect(textsOf((await readPage(log, FEED, 1, 0)).events)).toEqual(['2'])
  })

  test('a page of many events is as dense as one of few', async () => {
    const { log } = current
    await log.append(FEED, frames(1, 500), { nonce: 'abc', retention: keepAll })
    expect((await readPage(log, FEED, 100)).events).toHaveLength(400)
  })

  test('a page at the head, and one after it, is empty and names the head', async () => {
    const { log } = current
    await log.append(FEED, frames(1, 2), { nonce: 'abc', retention: keepAll })
    const expected = { first: 1, head: 2, nonce: 'abc', events: [] }
    expect(await readPage(log, FEED, 2)).toMatchObject(expected)
    expect(await readPage(log, FEED, 7)).toMatchObject(expected)
  })

  test('a page names the event at the requested position, as long as it is kept', async () => {
    const { log, fixture } = current
    const append = async (nonce: string): Promise<void> => {
      await log.append(FEED, frames(1, 2), { nonce, retention: { events: 4, bytes: 1_000, age: 0 } })
      await fixture.settle()
    }
    const previousNonces = async (): Promise<string[]> => {
      const pages = [0, 1, 2, 3, 4, 5, 6, 7, Number.MAX_SAFE_INTEGER].map((after) => readPage(log, FEED, after))
      return (await Promise.all(pages)).map(({ previousNonce }) => previousNonce)
    }
    await append('a')
    await append('b')
    expect(await previousNonces()).toEqual(['', 'a', 'a', 'b', 'b', '', '', '', ''])
    await append('c')
    expect(await previousNonces()).toEqual(['', '', '', 'b', 'b', 'c', 'c', '', ''])
  })

  test('a dropped stream is not found', async () => {
    const { log } = current
    await log.append(FEED, frames(1, 2), { nonce: 'abc', retention: keepAll })
    await log.drop(FEED)
    expect(await readPage(log, FEED)).toMatchObject({ head: 0, events: [] })
  })
}
