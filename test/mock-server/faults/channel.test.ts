/** The same faults through a channel as on a connection of its own, each the one stream's alone; and those of the carrier. */
import { describe, expect, test } from 'vitest'
import type { Rule } from '../../../mock-server/scenario/rule.ts'
import { type Block, dataOf, eventsOf, textOf } from '../support/blocks.ts'
import {
  controlOf,
  eventsOfItems,
  openChannelClient,
  openGetOperation,
  openRunOperation,
} from '../support/channel-client.ts'
import { openRawClient } from '../support/raw-client.ts'
import { waitUntil, openLocalTestServer } from '../support/local-test-server.ts'

const TEXT = 'Hello, 世界 👩‍👩‍👧‍👦!'
const options = { answers: { Hi: TEXT }, delay: 0 }
const rulePath = { path: '/api/generate*' }

/** What a socket of its own has seen of the same scenario. */
async function readWithoutChannel(scenario: Rule): Promise<{ events: Block[]; complete: boolean }> {
  const { url } = await openLocalTestServer({ ...options, scenario: [{ ...rulePath, ...scenario }] })
  const raw = openRawClient(`${url}/api/generate?prompt=Hi`, { headers: { connection: 'close' } })
  await raw.ended
  return { events: eventsOf(raw.text), complete: raw.isComplete }
}
const withoutIds = (events: readonly Block[]): unknown[] =>
  events.map(({ type, id, data }) => [
    type,
    id?.replace(/[0-9a-f-]{36}/, 'ID'),
    data?.replaceAll(/[0-9a-f-]{36}/g, 'ID'),
  ])

describe('faults of a stream', () => {
  test.each<[string, Rule, number]>([
    ['reset-after', { 'reset-after': 3 }, 502],
    ['reset at the boundary', { 'reset-after': 3, 'cut-at': 'boundary' }, 502],
    ['reset inside a character', { 'reset-after': 8, 'cut-at': 'character' }, 502],
    ['reset before the last byte', { 'reset-after': 3, 'cut-at': 'last-byte' }, 502],
    ['truncate-after', { 'truncate-after': 3 }, 502],
    ['end-after', { 'end-after': 3 }, 200],
    ['short-length', { 'short-length': true }, 502],
    ['duplicate', { duplicate: 3 }, 200],
    ['reorder', { reorder: 3 }, 200],
    ['drop-index', { 'drop-index': 2 }, 200],
    ['invalid-data', { 'invalid-data': 2 }, 200],
    ['no-ids', { 'no-ids': true }, 200],
    ['id-prefix', { 'id-prefix': '日本' }, 200],
    ['error-after', { 'error-after': 2 }, 200],
    ['CRLF, one byte at a time', { newline: 'crlf', split: 1 }, 200],
    ['CR', { newline: 'cr' }, 200],
    ['a byte order mark', { bom: 1 }, 200],
    ['buffered', { buffer: 100_000 }, 200],
  ])('%s: the same events as on a connection of its own, and the end that fits', async (_what, scenario, status) => {
    const { url } = await openLocalTestServer({ ...options, scenario: [{ ...rulePath, ...scenario }] })
    const channel = await openChannelClient(url)
    await channel.post(openGetOperation('a', '/api/generate?prompt=Hi'), openGetOperation('b'))
    const items = await channel.readUntilClosed('a')
    const plain = await readWithoutChannel(scenario)
    expect(withoutIds(eventsOfItems(items))).toEqual(withoutIds(plain.events))
    expect(plain.complete).toBe(status === 200)
    expect(controlOf(items, 'close')['status']).toBe(status)
    expect(controlOf(await channel.readUntil('b', (all) => all.length === 2), 'open')['status']).toBe(200)
  })

  test('gzip, whatever was accepted: the carrier says how it is compressed, not its streams', async () => {
    const { url } = await openLocalTestServer({ ...options, scenario: 'encoding:gzip' })
    const channel = await openChannelClient(url, { headers: { 'accept-encoding': 'identity' } })
    await channel.post(openRunOperation('a'))
    const items = await channel.readUntilClosed('a')
    expect(textOf(eventsOfItems(items))).toBe(TEXT)
    expect(controlOf(items, 'open')['headers']).not.toHaveProperty('content-encoding')
  })

  test.each([
    ['refuse', 0],
    ['lose-answer', 1],
  ])('%s: closed without an answer', async (fault, runs) => {
    const { url, server } = await openLocalTestServer({ ...options, scenario: fault })
    const channel = await openChannelClient(url)
    await channel.post(openRunOperation('a'))
    const items = await channel.readUntilClosed('a')
    expect(items.map(({ type }) => type)).toEqual(['close'])
    expect(controlOf(items, 'close')).toEqual({ status: 502, problem: expect.stringContaining('cut') })
    expect(server.runs).toHaveLength(runs)
  })

  test('hang: nothing for that stream, while others go on', async () => {
    const { url, server } = await openLocalTestServer({ scenario: 'hang,once' })
    const channel = await openChannelClient(url)
    await channel.post(openGetOperation('a'))
    await channel.post(openGetOperation('b'))
    await channel.readUntil('b', (all) => all.length === 2)
    server.broadcast({ type: 'note', data: 1 })
    await channel.readUntil('b', (all) => all.length === 3)
    expect(channel.itemsOf('a')).toEqual([])
    expect((await channel.post({ op: 'close', key: 'a' })).status).toBe(202)
  })

  test.each(['stall-after:2', 'quiet-after:2'])('%s: that stream is silent, others are not', async (fault) => {
    const { url, server } = await openLocalTestServer({ scenario: `${fault},once` })
    const channel = await openChannelClient(url)
    await channel.post(openGetOperation('a'))
    await channel.post(openGetOperation('b'))
    await channel.readUntil('b', (all) => all.length === 2)
    for (let count = 1; count <= 3; count++) server.broadcast({ type: 'note', data: count })
    await channel.readUntil('b', (all) => all.length === 5)
    server.broadcast({ type: 'note', data: 4 })
    await channel.readUntil('b', (all) => all.length === 6)
    expect(eventsOfItems(channel.itemsOf('a')).map(({ type }) => type)).toEqual(['connected', 'note'])
  })

  test.each([
    [{ status: 503, 'retry-after': 7 }, { 'retry-after': '7' }],
    [{ status: 307, location: '/api/other' }, { location: '/api/other' }],
    [{ status: 401 }, { 'www-authenticate': expect.stringContaining('invalid_token') }],
    [{ status: 410 }, {}],
    [{ status: 204 }, {}],
  ])("%o is that stream's answer", async (rule, headers) => {
    const { url } = await openLocalTestServer({ scenario: [{ ...rule, once: true }] })
    const channel = await openChannelClient(url)
    await channel.post(openGetOperation('a'))
    await channel.post(openGetOperation('b'))
    const items = await channel.readUntilClosed('a')
    expect(controlOf(items, 'open')).toMatchObject({ status: rule.status, headers })
    expect(controlOf(items, 'close')['status']).toBe(rule.status)
    await channel.readUntil('b', (all) => all.length === 2)
  })

  test('[F10] another content type is said, and what follows is left to the client', async () => {
    const { url } = await openLocalTestServer({ scenario: 'content-type:text/html' })
    const channel = await openChannelClient(url)
    await channel.post(openGetOperation('a'))
    expect(controlOf(await channel.readUntil('a', (all) => all.length === 2), 'open')).toMatchObject({
      headers: { 'content-type': 'text/html' },
    })
  })

  test('[F11] of an endless refusal 16 KiB are handed on', async () => {
    const { url } = await openLocalTestServer({ scenario: 'status:500,endless-body' })
    const channel = await openChannelClient(url)
    await channel.post(openGetOperation('a'))
    expect(String(controlOf(await channel.readUntilClosed('a'), 'close')['problem'])).toHaveLength(16 * 1024)
  })

  test.each(['line', 'lines'])(
    '[F28] a flood of %s is 413 for that stream alone, once it is larger than any event',
    async (flood) => {
      const { url, server } = await openLocalTestServer({ scenario: `path:/api/generate,flood:${flood},flood-after:1` })
      const channel = await openChannelClient(url)
      await channel.post(openGetOperation('b'), openRunOperation('a'))
      const items = await channel.readUntilClosed('a')
      expect(eventsOfItems(items).map(({ type }) => type)).toEqual(['start'])
      expect(controlOf(items, 'close')['status']).toBe(413)
      server.broadcast({ type: 'note', data: 1 })
      await channel.readUntil('b', (all) => all.length === 3)
    },
  )

  test('[F44] a name that no writer may write ends that stream alone', async () => {
    const insert = encodeURIComponent('event: a\0b\ndata: x\n\n')
    const { url } = await openLocalTestServer({ scenario: `insert-after:1,insert:${insert},once` })
    const channel = await openChannelClient(url)
    // One after the other: the rule is for the first to come.
    await channel.post(openGetOperation('a'))
    expect(controlOf(await channel.readUntilClosed('a'), 'close')['status']).toBe(502)
    await channel.post(openGetOperation('b'))
    await channel.readUntil('b', (all) => all.length === 2)
  })

  test('a feed that is dropped closes its streams, and the carrier stays', async () => {
    const { url, server } = await openLocalTestServer(options)
    const channel = await openChannelClient(url)
    await channel.post(openGetOperation('a'), openGetOperation('held', '/api/stream', { window: 1 }))
    await channel.readUntil('a', (all) => all.length === 2)
    await channel.readUntil('held', (all) => all.length === 2)
    server.service.feed().drop()
    for (const key of ['a', 'held']) expect(controlOf(await channel.readUntilClosed(key), 'close')['status']).toBe(502)
    await channel.post(openRunOperation('c'))
    expect(textOf(eventsOfItems(await channel.readUntilClosed('c')))).toBe(TEXT)
  })

  test('a reader that is too slow for the feed loses its stream alone', async () => {
    const { url, server } = await openLocalTestServer({ history: 10 })
    const channel = await openChannelClient(url)
    await channel.post(openGetOperation('slow', '/api/stream', { window: 300 }), openGetOperation('b'))
    await channel.readUntil('slow', (all) => all.length === 2)
    for (let count = 1; count <= 40; count++) {
      server.broadcast({ type: 'note', data: 'x'.repeat(300) })
      await channel.readUntil('b', (all) => all.length === 2 + count)
    }
    expect(controlOf(await channel.readUntilClosed('slow'), 'close')['status']).toBe(502)
  })
})

describe('faults of the carrier', () => {
  test('rules without a path are for the streams on it, on each as on a connection of its own', async () => {
    const { url } = await openLocalTestServer({ ...options, scenario: 'reset-after:1,once' })
    const channel = await openChannelClient(url)
    await channel.post(openRunOperation('a'), openRunOperation('b'))
    const ends = [await channel.readUntilClosed('a'), await channel.readUntilClosed('b')].map(
      (all) => controlOf(all, 'close')['status'],
    )
    expect(new Set(ends)).toEqual(new Set([200, 502]))
  })

  test('a rule with its path cuts it, and every stream leaves', async () => {
    const { url, server } = await openLocalTestServer({ scenario: 'path:/api/channel,reset-after:5' })
    const raw = openRawClient(`${url}/api/channel`)
    await raw.waitForText('channel')
    const channelId = /"channelId":"([^"]+)"/.exec(raw.text)![1]
    await fetch(`${url}/api/channel/ops`, {
      method: 'POST',
      body: JSON.stringify({ channelId, ops: [openGetOperation('a'), openGetOperation('b')] }),
    })
    server.broadcast({ type: 'note', data: 1 })
    expect(await raw.ended).toBe('reset')
    await waitUntil(() => server.clients.length === 0)
  })

  test.each([
    ['status:404', 404],
    ['status:503,retry-after:2', 503],
  ])('of its POST: %s, and nothing is done', async (fault, status) => {
    const { url, server } = await openLocalTestServer({ scenario: `path:/api/channel/ops,once,${fault}` })
    const channel = await openChannelClient(url)
    expect((await channel.post(openGetOperation('a'))).status).toBe(status)
    expect(server.clients).toEqual([])
    expect((await channel.post(openGetOperation('a'))).status).toBe(202)
  })

  test('a POST whose answer is lost was done: the events come, and its keys are used', async () => {
    const { url } = await openLocalTestServer({ scenario: 'path:/api/channel/ops,lose-answer,once' })
    const channel = await openChannelClient(url)
    await expect(channel.post(openGetOperation('a'))).rejects.toThrow(TypeError)
    await channel.readUntil('a', (all) => all.length === 2)
    expect((await channel.post(openGetOperation('a'))).status).toBe(409)
  })

  test('drop cuts it as well', async () => {
    const { url, server } = await openLocalTestServer()
    const raw = openRawClient(`${url}/api/channel`)
    await raw.waitForText('channel')
    server.service.drop()
    expect(await raw.ended).toBe('reset')
  })

  test('lose forgets it: operations are answered with 404', async () => {
    const { url, server } = await openLocalTestServer()
    const channel = await openChannelClient(url)
    server.service.clearHistory()
    expect((await channel.reader.readToEnd()).error).toBeInstanceOf(TypeError)
    expect((await channel.post(openGetOperation('a'))).status).toBe(404)
    expect(dataOf(channel.reader.events[0])['channelId']).toBe(channel.channelId)
  })

  test('[F45] 200 carriers with streams that come and go leave nothing', async () => {
    const { url, server } = await openLocalTestServer({ ...options, delay: 10 })
    for (let round = 0; round < 10; round++) {
      const carriers = await Promise.all(Array.from({ length: 20 }, () => openChannelClient(url)))
      await Promise.all(carriers.map((channel) => channel.post(openGetOperation('a'), openRunOperation('b'))))
      expect(server.clients.length).toBeGreaterThan(0)
      for (const channel of carriers) channel.reader.close()
      await waitUntil(() => server.clients.length === 0 && server.runs.every(({ readers }) => readers === 0))
    }
  })
})
