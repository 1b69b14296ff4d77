/** Contract: appends to feeds, and appends that are repeated because their reply was lost. */
import { expect, test } from 'vitest'
import type { LogTest } from '../describe-log.ts'
import { FEED, frame, frames, keepAll, readAll, readPage, textsOf } from '../log-helpers.ts'

export function registerFeedAppends(current: LogTest): void {
  const send = (id: string, sequence: number, texts: readonly string[], nonce = `${id}${sequence}`) =>
    current.log.append(FEED, texts, { nonce, retention: keepAll, sender: { id, sequence } })

  test('an append to a feed creates the feed, and resolves with the position of its last frame', async () => {
    const { log } = current
    const appended = await log.append(FEED, frames(1, 3), { nonce: 'abc', retention: keepAll })
    const page = await readPage(log, FEED)
    expect(appended).toEqual({ position: 3, epoch: page.epoch })
    expect(page).toMatchObject({ first: 1, head: 3, nonce: 'abc', state: 'open' })
    expect(page.events).toEqual([1, 2, 3].map((position) => ({ position, nonce: 'abc', frame: frame(position) })))
  })

  test('an append keeps every character of its frames', async () => {
    const { log } = current
    const awkward = 'event: é你😀\u2028\ndata: "\\r\\n\\0" \u0001 {} %s $1\ndata: \n'
    await log.append(FEED, [awkward], { nonce: 'abc', retention: keepAll })
    expect((await readPage(log, FEED)).events[0]!.frame).toBe(awkward)
  })

  test('a repeated append of a sender returns the position of the first, and adds nothing', async () => {
    const { log } = current
    const first = await send('a', 1, frames(1, 2))
    await send('b', 1, [frame('between')])
    expect(await send('a', 1, frames(1, 2))).toEqual(first)
    expect(await readAll(log, FEED)).toEqual(['1', '2', 'between'])
  })

  test('an earlier append of a sender can be repeated after later ones', async () => {
    const positions = [await send('a', 1, [frame(1)]), await send('a', 2, [frame(2)]), await send('a', 3, [frame(3)])]
    expect(await send('a', 1, [frame(1)])).toEqual(positions[0])
    expect(await send('a', 2, [frame(2)])).toEqual(positions[1])
    expect(await readAll(current.log, FEED)).toEqual(['1', '2', '3'])
  })

  test('the same number of two senders is not a repeated append', async () => {
    await send('a', 1, [frame('a')])
    await send('b', 1, [frame('b')])
    expect(await readAll(current.log, FEED)).toEqual(['a', 'b'])
  })

  test('an append that a sender gave up leaves a number free, which may still arrive later', async () => {
    await send('a', 1, [frame(1)])
    const third = await send('a', 3, [frame(3)])
    const second = await send('a', 2, [frame(2)])
    expect(await send('a', 3, [frame(3)])).toEqual(third)
    expect(await send('a', 2, [frame(2)])).toEqual(second)
    expect(await readAll(current.log, FEED)).toEqual(['1', '3', '2'])
  })

  test('an append that arrives late does not change which ones can be repeated', async () => {
    await send('a', 300, [frame(300)])
    await send('a', 290, [frame(290)])
    await expect(send('a', 44, [frame(44)])).rejects.toThrow('too old')
    expect(await send('a', 45, [frame(45)])).toMatchObject({ position: 3 })
  })

  test('an append is not taken for another one of its sender, 256 numbers before', async () => {
    await send('a', 1, [frame(1)])
    await send('a', 258, [frame(258)])
    expect(await send('a', 257, [frame(257)])).toMatchObject({ position: 3 })
    expect(await readAll(current.log, FEED)).toEqual(['1', '258', '257'])
  })

  test('the last 256 appends of a sender can be repeated, and an older one rejects', async () => {
    for (let sequence = 1; sequence <= 257; sequence++) await send('a', sequence, [frame(sequence)])
    expect(await send('a', 2, [frame(2)])).toMatchObject({ position: 2 })
    await expect(send('a', 1, [frame(1)])).rejects.toThrow('too old')
    expect((await readPage(current.log, FEED)).head).toBe(257)
  })

  test('a closed feed refuses appends, except a repeated one', async () => {
    const { log } = current
    const sender = { id: 'a', sequence: 1 }
    const options = { nonce: 'abc', retention: keepAll, sender, close: true }
    const closed = await log.append(FEED, frames(1, 2), options)
    expect(await log.append(FEED, frames(1, 2), options)).toEqual(closed)
    expect(await log.append(FEED, [frame(3)], { nonce: 'abc', retention: keepAll })).toEqual({
      refused: 'closed',
      head: 2,
    })
    const page = await readPage(log, FEED)
    expect(page.state).toBe('closed')
    expect(textsOf(page.events)).toEqual(['1', '2'])
  })
}
