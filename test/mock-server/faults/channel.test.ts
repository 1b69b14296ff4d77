/** The same faults through a channel as on a connection of its own, each the one stream's alone; and those of the carrier. */
import { describe, expect, test } from 'vitest'
import type { Rule } from '../../../mock-server/scenario/rule.ts'
import { type Block, dataOf, eventsOf, textOf } from '../support/blocks.ts'
import { controlOf, eventsIn, openCarrier, openPath, openRun } from '../support/channel-client.ts'
import { openRaw } from '../support/raw-client.ts'
import { eventually, serve } from '../support/local-test-server.ts'

const TEXT = 'Hello, 世界 👩‍👩‍👧‍👦!'
const options = { answers: { Hi: TEXT }, delay: 0 }
const rulePath = { path: '/api/generate*' }

/** What a socket of its own has seen of the same scenario. */
async function plainly(scenario: Rule): Promise<{ events: Block[]; complete: boolean }> {
  const { url } = await serve({ ...options, scenario: [{ ...rulePath, ...scenario }] })
  const raw = openRaw(`${url}/api/generate?prompt=Hi`, { headers: { connection: 'close' } })
  await raw.ended
  return { events: eventsOf(raw.text), complete: raw.complete }
}
const anonymous = (events: readonly Block[]): unknown[] =>
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
    const { url } = await serve({ ...options, scenario: [{ ...rulePath, ...scenario }] })
    const carrier = await openCarrier(url)
    await carrier.post(openPath('a', '/api/generate?prompt=Hi'), openPath('b'))
    const carried = await carrier.untilClosed('a')
    const plain = await plainly(scenario)
    expect(anonymous(eventsIn(carried))).toEqual(anonymous(plain.events))
    expect(plain.complete).toBe(status === 200)
    expect(controlOf(carried, 'close')['status']).toBe(status)
    expect(controlOf(await carrier.when('b', (all) => all.length === 2), 'open')['status']).toBe(200)
  })

  test('gzip, whatever was accepted: the carrier says how it is compressed, not its streams', async () => {
    const { url } = await serve({ ...options, scenario: 'encoding:gzip' })
    const carrier = await openCarrier(url, { headers: { 'accept-encoding': 'identity' } })
    await carrier.post(openRun('a'))
    const carried = await carrier.untilClosed('a')
    expect(textOf(eventsIn(carried))).toBe(TEXT)
    expect(controlOf(carried, 'open')['headers']).not.toHaveProperty('content-encoding')
  })

  test.each([
    ['refuse', 0],
    ['lose-answer', 1],
  ])('%s: closed without an answer', async (fault, runs) => {
    const { url, server } = await serve({ ...options, scenario: fault })
    const carrier = await openCarrier(url)
    await carrier.post(openRun('a'))
    const carried = await carrier.untilClosed('a')
    expect(carried.map(({ type }) => type)).toEqual(['close'])
    expect(controlOf(carried, 'close')).toEqual({ status: 502, problem: expect.stringContaining('cut') })
    expect(server.runs).toHaveLength(runs)
  })

  test('hang: nothing for that stream, while others go on', async () => {
    const { url, server } = await serve({ scenario: 'hang,once' })
    const carrier = await openCarrier(url)
    await carrier.post(openPath('a'))
    await carrier.post(openPath('b'))
    await carrier.when('b', (all) => all.length === 2)
    server.broadcast({ type: 'note', data: 1 })
    await carrier.when('b', (all) => all.length === 3)
    expect(carrier.of('a')).toEqual([])
    expect((await carrier.post({ op: 'close', key: 'a' })).status).toBe(202)
  })

  test.each(['stall-after:2', 'quiet-after:2'])('%s: that stream is silent, others are not', async (fault) => {
    const { url, server } = await serve({ scenario: `${fault},once` })
    const carrier = await openCarrier(url)
    await carrier.post(openPath('a'))
    await carrier.post(openPath('b'))
    await carrier.when('b', (all) => all.length === 2)
    for (let count = 1; count <= 3; count++) server.broadcast({ type: 'note', data: count })
    await carrier.when('b', (all) => all.length === 5)
    server.broadcast({ type: 'note', data: 4 })
    await carrier.when('b', (all) => all.length === 6)
    expect(eventsIn(carrier.of('a')).map(({ type }) => type)).toEqual(['connected', 'note'])
  })

  test.each([
    [{ status: 503, 'retry-after': 7 }, { 'retry-after': '7' }],
    [{ status: 307, location: '/api/other' }, { location: '/api/other' }],
    [{ status: 401 }, { 'www-authenticate': expect.stringContaining('invalid_token') }],
    [{ status: 410 }, {}],
    [{ status: 204 }, {}],
  ])("%o is that stream's answer", async (rule, headers) => {
    const { url } = await serve({ scenario: [{ ...rule, once: true }] })
    const carrier = await openCarrier(url)
    await carrier.post(openPath('a'))
    await carrier.post(openPath('b'))
    const carried = await carrier.untilClosed('a')
    expect(controlOf(carried, 'open')).toMatchObject({ status: rule.status, headers })
    expect(controlOf(carried, 'close')['status']).toBe(rule.status)
    await carrier.when('b', (all) => all.length === 2)
  })

  test('[F10] another content type is said, and what follows is left to the client', async () => {
    const { url } = await serve({ scenario: 'content-type:text/html' })
    const carrier = await openCarrier(url)
    await carrier.post(openPath('a'))
    expect(controlOf(await carrier.when('a', (all) => all.length === 2), 'open')).toMatchObject({
      headers: { 'content-type': 'text/html' },
    })
  })

  test('[F11] of an endless refusal 16 KiB are handed on', async () => {
    const { url } = await serve({ scenario: 'status:500,endless-body' })
    const carrier = await openCarrier(url)
    await carrier.post(openPath('a'))
    expect(String(controlOf(await carrier.untilClosed('a'), 'close')['problem'])).toHaveLength(16 * 1024)
  })

  test.each(['line', 'lines'])(
    '[F28] a flood of %s is 413 for that stream alone, once it is larger than any event',
    async (flood) => {
      const { url, server } = await serve({ scenario: `path:/api/generate,flood:${flood},flood-after:1` })
      const carrier = await openCarrier(url)
      await carrier.post(openPath('b'), openRun('a'))
      const carried = await carrier.untilClosed('a')
      expect(eventsIn(carried).map(({ type }) => type)).toEqual(['start'])
      expect(controlOf(carried, 'close')['status']).toBe(413)
      server.broadcast({ type: 'note', data: 1 })
      await carrier.when('b', (all) => all.length === 3)
    },
  )

  test('[F44] a name that no writer may write ends that stream alone', async () => {
    const insert = encodeURIComponent('event: a\0b\ndata: x\n\n')
    const { url } = await serve({ scenario: `insert-after:1,insert:${insert},once` })
    const carrier = await openCarrier(url)
    // One after the other: the rule is for the first to come.
    await carrier.post(openPath('a'))
    expect(controlOf(await carrier.untilClosed('a'), 'close')['status']).toBe(502)
    await carrier.post(openPath('b'))
    await carrier.when('b', (all) => all.length === 2)
  })

  test('a feed that is dropped closes its streams, and the carrier stays', async () => {
    const { url, server } = await serve(options)
    const carrier = await openCarrier(url)
    await carrier.post(openPath('a'), openPath('held', '/api/stream', { window: 1 }))
    await carrier.when('a', (all) => all.length === 2)
    await carrier.when('held', (all) => all.length === 2)
    server.service.feed().drop()
    for (const key of ['a', 'held']) expect(controlOf(await carrier.untilClosed(key), 'close')['status']).toBe(502)
    await carrier.post(openRun('c'))
    expect(textOf(eventsIn(await carrier.untilClosed('c')))).toBe(TEXT)
  })

  test('a reader that is too slow for the feed loses its stream alone', async () => {
    const { url, server } = await serve({ history: 10 })
    const carrier = await openCarrier(url)
    await carrier.post(openPath('slow', '/api/stream', { window: 300 }), openPath('b'))
    await carrier.when('slow', (all) => all.length === 2)
    for (let count = 1; count <= 40; count++) {
      server.broadcast({ type: 'note', data: 'x'.repeat(300) })
      await carrier.when('b', (all) => all.length === 2 + count)
    }
    expect(controlOf(await carrier.untilClosed('slow'), 'close')['status']).toBe(502)
  })
})

describe('faults of the carrier', () => {
  test('rules without a path are for the streams on it, on each as on a connection of its own', async () => {
    const { url } = await serve({ ...options, scenario: 'reset-after:1,once' })
    const carrier = await openCarrier(url)
    await carrier.post(openRun('a'), openRun('b'))
    const ends = [await carrier.untilClosed('a'), await carrier.untilClosed('b')].map(
      (all) => controlOf(all, 'close')['status'],
    )
    expect(new Set(ends)).toEqual(new Set([200, 502]))
  })

  test('a rule with its path cuts it, and every stream leaves', async () => {
    const { url, server } = await serve({ scenario: 'path:/api/channel,reset-after:5' })
    const raw = openRaw(`${url}/api/channel`)
    await raw.until('channel')
    const channelId = /"channelId":"([^"]+)"/.exec(raw.text)![1]
    await fetch(`${url}/api/channel/ops`, {
      method: 'POST',
      body: JSON.stringify({ channelId, ops: [openPath('a'), openPath('b')] }),
    })
    server.broadcast({ type: 'note', data: 1 })
    expect(await raw.ended).toBe('reset')
    await eventually(() => server.clients.length === 0)
  })

  test.each([
    ['status:404', 404],
    ['status:503,retry-after:2', 503],
  ])('of its POST: %s, and nothing is done', async (fault, status) => {
    const { url, server } = await serve({ scenario: `path:/api/channel/ops,once,${fault}` })
    const carrier = await openCarrier(url)
    expect((await carrier.post(openPath('a'))).status).toBe(status)
    expect(server.clients).toEqual([])
    expect((await carrier.post(openPath('a'))).status).toBe(202)
  })

  test('a POST whose answer is lost was done: the events come, and its keys are used', async () => {
    const { url } = await serve({ scenario: 'path:/api/channel/ops,lose-answer,once' })
    const carrier = await openCarrier(url)
    await expect(carrier.post(openPath('a'))).rejects.toThrow(TypeError)
    await carrier.when('a', (all) => all.length === 2)
    expect((await carrier.post(openPath('a'))).status).toBe(409)
  })

  test('drop cuts it as well', async () => {
    const { url, server } = await serve()
    const raw = openRaw(`${url}/api/channel`)
    await raw.until('channel')
    server.service.drop()
    expect(await raw.ended).toBe('reset')
  })

  test('lose forgets it: operations are answered with 404', async () => {
    const { url, server } = await serve()
    const carrier = await openCarrier(url)
    server.service.lose()
    expect((await carrier.reading.rest()).error).toBeInstanceOf(TypeError)
    expect((await carrier.post(openPath('a'))).status).toBe(404)
    expect(dataOf(carrier.reading.events[0])['channelId']).toBe(carrier.channelId)
  })

  test('[F45] 200 carriers with streams that come and go leave nothing', async () => {
    const { url, server } = await serve({ ...options, delay: 10 })
    for (let round = 0; round < 10; round++) {
      const carriers = await Promise.all(Array.from({ length: 20 }, () => openCarrier(url)))
      await Promise.all(carriers.map((carrier) => carrier.post(openPath('a'), openRun('b'))))
      expect(server.clients.length).toBeGreaterThan(0)
      for (const carrier of carriers) carrier.reading.leave()
      await eventually(() => server.clients.length === 0 && server.runs.every(({ readers }) => readers === 0))
    }
  })
})
