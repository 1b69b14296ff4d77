/** Faults of channels and their streams: a stream's fault acts as on a plain connection and affects no other stream. */
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
import { waitUntil, openLocalTestServer } from '../support/local-test-server.ts'
import { openRawClient } from '../support/raw-client.ts'

const TEXT = 'Hello, 世界 👩‍👩‍👧‍👦!'
const options = { answers: { Hi: TEXT }, delay: 0 }
const rulePath = { path: '/api/generate*' }

/** Reads a run with this rule over a plain connection. */
async function readWithoutChannel(scenario: Rule): Promise<{ events: Block[]; complete: boolean }> {
  const { url } = await openLocalTestServer({ ...options, scenario: [{ ...rulePath, ...scenario }] })
  const raw = openRawClient(`${url}/api/generate?prompt=Hi`, { headers: { connection: 'close' } })
  await raw.ended
  return { events: eventsOf(raw.text), complete: raw.isComplete }
}
const withoutIds = (events: readonly Block[]): unknown[] =>
  events.map(({ type, id, data }) => [
    type,
    id?.replace(/[0-9a-f-]{36}-(\d+)-[0-9a-f]{8}$/, 'ID-$1'),
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
    ['one byte order mark', { bom: 1 }, 200],
    ['buffered', { buffer: 100_000 }, 200],
  ])(
    '%s: a channel stream has the same events as a plain connection, and a matching close',
    async (_name, scenario, status) => {
      const { url } = await openLocalTestServer({ ...options, scenario: [{ ...rulePath, ...scenario }] })
      const channel = await openChannelClient(url)
      await channel.post(openGetOperation('a', '/api/generate?prompt=Hi'), openGetOperation('b'))
      const items = await channel.readUntilClosed('a')
      const plain = await readWithoutChannel(scenario)
      expect(withoutIds(eventsOfItems(items))).toEqual(withoutIds(plain.events))
      expect(plain.complete).toBe(status === 200)
      expect(controlOf(items, 'close')['status']).toBe(status)
      expect(controlOf(await channel.readUntil('b', (all) => all.length === 2), 'open')['status']).toBe(200)
    },
  )

  test('encoding:gzip does not give a channel stream a Content-Encoding', async () => {
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
  ])('%s: the stream is closed without a response', async (fault, runs) => {
    const { url, server } = await openLocalTestServer({ ...options, scenario: fault })
    const channel = await openChannelClient(url)
    await channel.post(openRunOperation('a'))
    const items = await channel.readUntilClosed('a')
    expect(items.map(({ type }) => type)).toEqual(['close'])
    expect(controlOf(items, 'close')).toEqual({ status: 502, problem: expect.stringContaining('cut') })
    expect(server.runs).toHaveLength(runs)
  })

  test('hang: the stream receives nothing while others continue', async () => {
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

  test.each(['stall-after:2', 'quiet-after:2'])('%s: the stream falls silent while others continue', async (fault) => {
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
  ])('%o sets the response of one stream only', async (rule, headers) => {
    const { url } = await openLocalTestServer({ scenario: [{ ...rule, once: true }] })
    const channel = await openChannelClient(url)
    await channel.post(openGetOperation('a'))
    await channel.post(openGetOperation('b'))
    const items = await channel.readUntilClosed('a')
    expect(controlOf(items, 'open')).toMatchObject({ status: rule.status, headers })
    expect(controlOf(items, 'close')['status']).toBe(rule.status)
    await channel.readUntil('b', (all) => all.length === 2)
  })

  test('[F10] a different content type is reported in `open`, and the events follow', async () => {
    const { url } = await openLocalTestServer({ scenario: 'content-type:text/html' })
    const channel = await openChannelClient(url)
    await channel.post(openGetOperation('a'))
    expect(controlOf(await channel.readUntil('a', (all) => all.length === 2), 'open')).toMatchObject({
      headers: { 'content-type': 'text/html' },
    })
  })

  test('[F11] the first 16 KiB of an endless error response are forwarded', async () => {
    const { url } = await openLocalTestServer({ scenario: 'status:500,endless-body' })
    const channel = await openChannelClient(url)
    await channel.post(openGetOperation('a'))
    expect(String(controlOf(await channel.readUntilClosed('a'), 'close')['problem'])).toHaveLength(16 * 1024)
  })

  test.each(['line', 'lines'])(
    '[F28] once flood:%s exceeds the event limit, only the flooded stream is closed, with 413',
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

  test('[F44] an event name with NUL ends only the stream that receives it', async () => {
    const insert = encodeURIComponent('event: a\0b\ndata: x\n\n')
    const { url } = await openLocalTestServer({ scenario: `insert-after:1,insert:${insert},once` })
    const channel = await openChannelClient(url)
    // Open the streams one after the other: the rule applies to the first one.
    await channel.post(openGetOperation('a'))
    expect(controlOf(await channel.readUntilClosed('a'), 'close')['status']).toBe(502)
    await channel.post(openGetOperation('b'))
    await channel.readUntil('b', (all) => all.length === 2)
  })

  test('dropping a feed closes the channel streams that read it, but not the channel', async () => {
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

  test('a stream that is too slow for its feed is closed while others continue', async () => {
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

describe('faults of a channel', () => {
  test('a rule without a path applies to each stream of a channel, not to the channel', async () => {
    const { url } = await openLocalTestServer({ ...options, scenario: 'reset-after:1,once' })
    const channel = await openChannelClient(url)
    await channel.post(openRunOperation('a'), openRunOperation('b'))
    const ends = [await channel.readUntilClosed('a'), await channel.readUntilClosed('b')].map(
      (all) => controlOf(all, 'close')['status'],
    )
    expect(new Set(ends)).toEqual(new Set([200, 502]))
  })

  test('a reset-after rule for the path of a channel cuts the channel and all of its streams', async () => {
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
  ])('operations answered with %s have no effect', async (fault, status) => {
    const { url, server } = await openLocalTestServer({ scenario: `path:/api/channel/ops,once,${fault}` })
    const channel = await openChannelClient(url)
    expect((await channel.post(openGetOperation('a'))).status).toBe(status)
    expect(server.clients).toEqual([])
    expect((await channel.post(openGetOperation('a'))).status).toBe(202)
  })

  test('operations whose response is lost take effect, and their keys cannot be used again', async () => {
    const { url } = await openLocalTestServer({ scenario: 'path:/api/channel/ops,lose-answer,once' })
    const channel = await openChannelClient(url)
    await expect(channel.post(openGetOperation('a'))).rejects.toThrow(TypeError)
    await channel.readUntil('a', (all) => all.length === 2)
    expect((await channel.post(openGetOperation('a'))).status).toBe(409)
  })

  test('drop cuts channels as well', async () => {
    const { url, server } = await openLocalTestServer()
    const raw = openRawClient(`${url}/api/channel`)
    await raw.waitForText('channel')
    server.service.drop()
    expect(await raw.ended).toBe('reset')
  })

  test('clearHistory closes every channel, and later operations get a 404', async () => {
    const { url, server } = await openLocalTestServer()
    const channel = await openChannelClient(url)
    server.service.clearHistory()
    expect((await channel.reader.readToEnd()).error).toBeInstanceOf(TypeError)
    expect((await channel.post(openGetOperation('a'))).status).toBe(404)
    expect(dataOf(channel.reader.events[0])['channelId']).toBe(channel.channelId)
  })

  test('[F45] 200 channels that open streams and disconnect leave no client and no reader', async () => {
    const { url, server } = await openLocalTestServer({ ...options, delay: 10 })
    for (let round = 0; round < 10; round++) {
      const channels = await Promise.all(Array.from({ length: 20 }, () => openChannelClient(url)))
      await Promise.all(channels.map((channel) => channel.post(openGetOperation('a'), openRunOperation('b'))))
      expect(server.clients.length).toBeGreaterThan(0)
      for (const channel of channels) channel.reader.close()
      await waitUntil(() => server.clients.length === 0 && server.runs.every(({ readers }) => readers === 0))
    }
  })
})
