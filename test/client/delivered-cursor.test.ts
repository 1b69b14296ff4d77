/** The two cursors of a stream: the received cursor for the next request, and the delivered cursor for the consumer. */
import { describe, expect, test } from 'vitest'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { delta, end, start } from '../support/native-events.ts'
import { createTestClient } from '../support/test-client.ts'

describe("a feed's lastEventId", () => {
  test('lastEventId advances after the listeners have returned', async () => {
    const { client, open } = createTestClient()
    const feed = client.subscribe('/x', { lastEventId: '0' })
    const seen: string[] = []
    feed.on('message', () => seen.push(feed.lastEventId))
    expect(feed.lastEventId).toBe('0')
    const connection = await open()
    connection.send({ data: '1', id: '1' }, { data: '2', id: '2' })
    await flushMicrotasks()
    expect(seen).toEqual(['0', '1'])
    expect(feed.lastEventId).toBe('2')
  })

  test('lastEventId advances when the loop takes the next event, while a reconnect resumes after the queued events', async () => {
    const { client, clock, network, open } = createTestClient()
    const feed = client.subscribe('/x')
    const loop = feed[Symbol.asyncIterator]()
    const connection = await open()
    connection.send({ data: '1', id: '1' }, { data: '2', id: '2' }, { data: '3', id: '3' })
    await loop.next()
    expect(feed.lastEventId).toBe('')
    await loop.next()
    expect(feed.lastEventId).toBe('1')
    connection.end()
    await clock.advance(1_000)
    expect(network.last.request.lastEventId).toBe('3')
    await loop.return?.()
    expect(feed.lastEventId).toBe('2')
  })

  test('an ID-only block advances lastEventId once all earlier events are delivered', async () => {
    const { client, open } = createTestClient()
    const feed = client.subscribe('/x')
    const loop = feed[Symbol.asyncIterator]()
    const connection = await open()
    connection.send({ data: '1', id: '1' })
    connection.send({ id: '2' })
    await loop.next()
    await flushMicrotasks()
    expect(feed.lastEventId).toBe('')
    void loop.next()
    expect(feed.lastEventId).toBe('1')
    connection.send({ id: '3' })
    await flushMicrotasks()
    expect(feed.lastEventId).toBe('3')
  })

  test('closing a feed in a listener leaves lastEventId at the ID of the event being handled', async () => {
    const { client, open } = createTestClient()
    const feed = client.subscribe('/x')
    feed.on('message', ({ data }) => data === 2 && feed.close())
    const connection = await open()
    connection.send({ data: '1', id: '1' }, { data: '2', id: '2' }, { data: '3', id: '3' })
    await flushMicrotasks()
    expect(feed.lastEventId).toBe('2')
  })
})

describe("a run's cursor", () => {
  test('the cursor follows the events taken by the loop, so a resume loses no queued deltas', async () => {
    const { client, network, open } = createTestClient()
    const run = client.stream('/generate')
    const connection = await open()
    connection.send(start(), delta(0), delta(1), delta(2))
    await flushMicrotasks()
    const texts: string[] = []
    for await (const { content } of run) {
      texts.push(content)
      if (texts.length === 2) break
    }
    expect([run.text, run.cursor?.lastEventId]).toEqual(['0 1 ', 'r1:1'])
    const rest = client.resume(run.cursor!)
    await flushMicrotasks()
    expect(network.last.request.lastEventId).toBe('r1:1')
    network.last.respond().send(delta(2), end())
    for await (const { content } of rest) texts.push(content)
    expect(texts).toEqual(['0 ', '1 ', '2 '])
  })

  test('[F25] [F27] the cursor contains the next expected index, so a resume detects duplicates and gaps', async () => {
    const { client, network, clock } = createTestClient()
    const cursor = { url: '/api/generate/r1', lastEventId: 'r1:1', index: 2 }
    const run = client.resume(JSON.parse(JSON.stringify(cursor)) as typeof cursor)
    await flushMicrotasks()
    network.last.respond().send(delta(1), delta(2))
    await flushMicrotasks()
    expect(run.text).toBe('2 ')
    const missing = client.resume(cursor)
    await flushMicrotasks()
    network.last.respond().send(delta(3))
    await flushMicrotasks()
    expect(missing.state).toMatchObject({ status: 'waiting', error: { code: 'gap' } })
    await clock.advance(1_000)
    network.last.respond().send(delta(2), delta(3), end())
    expect((await missing.final()).text).toBe('2 3 ')
  })

  test('without a loop, the cursor has the ID of the last delta in `text`', async () => {
    const { client, open } = createTestClient()
    const run = client.stream('/generate')
    const connection = await open()
    connection.send(start(), delta(0), delta(1))
    await flushMicrotasks()
    expect([run.text, run.cursor?.lastEventId]).toEqual(['0 1 ', 'r1:1'])
    run.detach()
    expect(run.cursor?.lastEventId).toBe('r1:1')
  })

  test('the cursor of an error has the ID of the last delta in `partial`', async () => {
    const { client, open } = createTestClient({ retry: false })
    const run = client.stream('/generate')
    const connection = await open()
    connection.send(start(), delta(0))
    connection.end()
    await expect(run.final()).rejects.toMatchObject({
      code: 'truncated',
      partial: '0 ',
      cursor: { lastEventId: 'r1:0' },
    })
  })
})
