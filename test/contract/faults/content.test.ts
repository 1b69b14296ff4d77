/** Faults 22 to 32 in docs/faults.md: stream contents. */
import { expect, test } from 'vitest'
import { registerContract } from '../contract.ts'
import { readRun, payloadsOf, recordEvents } from '../record-events.ts'
import { waitUntil } from '../wait-until.ts'

/** Decodes a header value, one character per byte, as UTF-8. */
const decodeHeader = (value: string | undefined): string =>
  new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(value ?? '', (byte) => byte.charCodeAt(0)))

/**
 * Returns what a server may read in `Last-Event-ID`. WebKitGTK encodes the bytes of a header value as UTF-8 once more, which
 * the client cannot prevent; the mock server recognizes its IDs nevertheless.
 */
function acceptedIds(id: string): string[] {
  const isWebKit = /AppleWebKit(?!.*Chrome)/.test(globalThis.navigator?.userAgent)
  const bytes = Array.from(new TextEncoder().encode(id), (byte) => String.fromCharCode(byte)).join('')
  return isWebKit ? [id, bytes] : [id]
}

registerContract('stream contents', (open) => {
  /** Opens a feed that receives the raw `text` after `connected`, and returns the events parsed from that text. */
  const insert = async (text: string, rule: Record<string, unknown> = {}) => {
    const fixture = await open({ scenario: { insert: text, 'insert-after': 1, times: 1, ...rule } })
    const feed = fixture.client.subscribe('/api/stream', { parse: 'text' })
    const events = recordEvents(feed)
    await waitUntil(() => events.length)
    const lastId = await fixture.server.send({ type: 'last', data: 'last' })
    await waitUntil(() => events.at(-1)!.type === 'last')
    return { ...fixture, feed, events: events.slice(1, -1), connectedId: events[0]!.id, lastId }
  }

  test.each(['日本', 'é', '👍', 'Ω-'])(
    '[F22] the ID prefix %s is sent back as UTF-8 bytes, and the server resumes from that ID',
    async (prefix) => {
      const { client, server } = await open({ scenario: { 'id-prefix': prefix } })
      const feed = client.subscribe('/api/stream')
      const events = recordEvents(feed)
      await waitUntil(() => events.length)
      await server.send({ data: 1 })
      await waitUntil(() => payloadsOf(events).length === 1)
      const { lastEventId } = feed
      expect(lastEventId.startsWith(prefix)).toBe(true)
      await server.drop()
      await server.send({ data: 2 })
      await waitUntil(() => payloadsOf(events).length === 2)
      const sentId = decodeHeader((await server.requests())[1]!.headers['last-event-id'])
      expect(acceptedIds(lastEventId)).toContain(sentId)
      expect(payloadsOf(events)).toEqual([1, 2])
    },
  )

  test('[F23] an ID with NUL is ignored and the previous ID stays in effect', async () => {
    const { events, connectedId } = await insert('id: bad\0id\ndata: x\n\n')
    expect(events).toEqual([{ type: 'message', data: 'x', id: connectedId }])
  })

  test('[F23] an ID-only block moves the cursor without being delivered', async () => {
    const { events } = await insert('id: moved\n\ndata: x\n\n')
    expect(events).toEqual([{ type: 'message', data: 'x', id: 'moved' }])
  })

  test('[F23] an empty ID clears the cursor: the next request sends no ID, and onReset reports a possible gap', async () => {
    const { client, server, resets } = await open({
      scenario: { insert: 'id:\ndata: "cleared"\n\n', 'insert-after': 1, times: 1 },
    })
    const feed = client.subscribe('/api/stream')
    const events = recordEvents(feed)
    await waitUntil(() => payloadsOf(events).length)
    expect(events.at(-1)).toEqual({ type: 'message', data: 'cleared', id: '' })
    expect(feed.lastEventId).toBe('')
    await server.drop()
    await waitUntil(() => events.length === 3)
    expect(resets).toEqual([{ reason: 'no-id' }])
    expect((await server.requests())[1]!.headers).not.toHaveProperty('last-event-id')
  })

  test('[F24] comments and blocks without data are not delivered as events', async () => {
    const { events } = await insert(
      'event: nothing\n\n: data: comment\n\n:\n\nretry: 20\n\nevent: nothing\nid: kept\n\ndata\n\n',
    )
    expect(events).toEqual([{ type: 'message', data: '', id: 'kept' }])
  })

  test('[F25] an overlapping replay of a run delivers each delta once', async () => {
    const { client } = await open({
      answers: { '*': 'abcdef' },
      scenario: [{ 'end-after': 4, times: 1 }, { overlap: 3 }],
    })
    const { contents, indexes } = await readRun(client.stream('/api/generate', { json: { prompt: 'p' } }))
    expect(contents.join('')).toBe('abcdef')
    expect(indexes).toEqual([0, 1, 2, 3, 4, 5])
  })

  test('[F26] a feed loses no events when the server restarts its IDs from the beginning, and onReset reports the reset', async () => {
    const { client, server, resets } = await open()
    const events = recordEvents(client.subscribe('/api/stream'))
    await waitUntil(() => events.length)
    for (const data of ['a', 'b', 'c']) await server.send({ data })
    await waitUntil(() => payloadsOf(events).length === 3)
    await server.restart({ log: 'lose' })
    await waitUntil(() => resets.length)
    for (const data of ['d', 'e', 'f']) await server.send({ data })
    await waitUntil(() => payloadsOf(events).length === 6)
    expect(payloadsOf(events)).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
    expect(resets).toEqual([{ reason: 'unknown' }])
  })

  test('[F27] a run that skips a delta index resumes once from the last good ID', async () => {
    const { client, server } = await open({ answers: { '*': 'abcdef' }, scenario: { 'drop-index': 3, times: 1 } })
    expect((await readRun(client.stream('/api/generate', { json: { prompt: 'p' } }))).contents.join('')).toBe('abcdef')
    expect((await server.requests()).map(({ headers }) => headers['last-event-id']?.split('-').at(-2))).toEqual([
      undefined,
      '4',
    ])
  })

  test('[F27] a run that skips the same delta index again fails with a gap error and the partial text', async () => {
    const { client, server } = await open({ answers: { '*': 'abcdef' }, scenario: { 'drop-index': 3 } })
    const { contents, error } = await readRun(client.stream('/api/generate', { json: { prompt: 'p' } }))
    expect(contents.join('')).toBe('abc')
    expect(error).toMatchObject({
      code: 'gap',
      partial: 'abc',
      cursor: { lastEventId: expect.stringMatching(/-4-[0-9a-f]{8}$/) },
    })
    expect(await server.log()).toHaveLength(2)
  })

  const floods = [
    ['line', 'line'],
    ['series of lines', 'lines'],
  ] as const
  test.each(floods)(
    '[F28] a feed delivers the events before an endless %s, fails with too-large and disconnects',
    async (_, flood) => {
      const scenario = { flood, 'flood-after': 2 }
      const { client, server } = await open({ scenario }, { maxEventSize: 100_000 })
      const lastEventId = await server.send({ data: 0 })
      await server.send({ data: 'whole' })
      const feed = client.subscribe('/api/stream', { lastEventId })
      const events = recordEvents(feed)
      expect(await feed.closed).toMatchObject({ code: 'too-large', retryable: false })
      expect(payloadsOf(events)).toEqual(['whole'])
      await waitUntil(async () => (await server.state()).openResponses === 0)
      expect(await server.log()).toHaveLength(1)
    },
  )

  test('[F28] by default, a line of 32 MiB fails with too-large, and a line of 8 MiB is delivered', async () => {
    const { client, server } = await open({ scenario: { flood: 'line', 'flood-bytes': 32 * 1024 * 1024 } })
    expect(await client.subscribe('/api/stream').closed).toMatchObject({ code: 'too-large' })
    await server.setScenario([])
    const events = recordEvents(client.subscribe('/api/stream'))
    await waitUntil(() => events.length)
    await server.send({ data: 'x'.repeat(8 * 1024 * 1024) })
    await waitUntil(() => payloadsOf(events).length)
    expect(payloadsOf(events)[0]).toHaveLength(8 * 1024 * 1024)
  })

  test('[F30] feed data that is not JSON is reported with the event ID, and the feed continues', async () => {
    const { client, server, errors } = await open({ scenario: { 'invalid-data': 2 } })
    const events = recordEvents(client.subscribe('/api/stream'))
    await waitUntil(() => events.length)
    const id = await server.send({ data: 'spoiled' })
    await server.send({ data: 'good' })
    await waitUntil(() => payloadsOf(events).length)
    expect(payloadsOf(events)).toEqual(['good'])
    expect(errors).toMatchObject([{ code: 'invalid-data', lastEventId: id }])
    expect(await server.log()).toHaveLength(1)
  })

  test('[F30] run data that is not JSON ends the run with invalid-data', async () => {
    const { client } = await open({ answers: { '*': 'abc' }, scenario: { 'invalid-data': 3 } })
    const { contents, error } = await readRun(client.stream('/api/generate', { json: { prompt: 'p' } }))
    expect(contents).toEqual(['a'])
    expect(error).toMatchObject({ code: 'invalid-data', partial: 'a' })
  })

  const names = ['error', '__proto__', 'constructor', 'toString', 'hasOwnProperty']
  const hostileData = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'

  test.each(names)('[F31] a feed event named %s is delivered without polluting prototypes', async (name) => {
    const { client, errors } = await open({ scenario: { insert: `event: ${name}\ndata: ${hostileData}\n\n` } })
    const received: { data: unknown }[] = []
    client.subscribe('/api/stream').on(name, (event) => received.push(event))
    await waitUntil(() => received.length)
    expect(Object.keys(received[0]!.data as object)).toEqual(['__proto__', 'constructor'])
    expect(({} as { polluted?: number }).polluted).toBeUndefined()
    expect(errors).toEqual([])
  })

  test.each(names.slice(1))('[F31] a run event named %s is delivered without polluting prototypes', async (type) => {
    const scenario = { insert: `event: ${type}\ndata: ${hostileData}\n\n`, 'insert-after': 1 }
    const { client } = await open({ answers: { '*': 'ab' }, scenario })
    const run = client.stream('/api/generate', { json: { prompt: 'p' } })
    const received: unknown[] = []
    run.on(type, ({ data }) => received.push(data))
    expect(await run.final()).toMatchObject({ text: 'ab' })
    expect(received).toEqual([JSON.parse(hostileData)])
    expect(({} as { polluted?: number }).polluted).toBeUndefined()
  })

  test.each([
    [
      'unknown fields are ignored, and a field without a colon has an empty value',
      'foo: bar\ndata:1\nfoo\ndata\n\n',
      '1\n',
    ],
    ['only the first space after the colon is removed from the value', 'data:  1\ndata:2\ndata: 3\n\n', ' 1\n2\n3'],
    ['field names are case-sensitive and not trimmed', 'Data: no\n data: no\ndata : no\ndata: yes\n\n', 'yes'],
  ])('[F32] %s', async (_, text, data) => {
    expect((await insert(text)).events.map((event) => event.data)).toEqual([data])
  })

  const ends = (['lf', 'crlf', 'cr'] as const).flatMap((newline) => [1, 2, 7].map((split) => ({ newline, split })))
  test.each(ends)(
    '[F32] a stream with $newline line endings, split every $split bytes and preceded by one BOM, is parsed',
    async ({ newline, split }) => {
      const text = '你好\r\n👩‍💻 "\u2028" é\n'
      const { client, server } = await open({
        answers: { '*': text },
        scenario: { newline, split, bom: 1, encoding: 'identity' as const },
      })
      const events = recordEvents(client.subscribe('/api/stream'))
      await waitUntil(() => events.length)
      await server.send({ type: 'é', data: text })
      await waitUntil(() => events.length === 2)
      expect(payloadsOf(events, 'é')).toEqual([text])
      expect(await client.stream('/api/generate', { json: { prompt: 'p' } }).final()).toMatchObject({ text })
    },
  )

  test('[F32] a second BOM is content, so the line that contains it is an unknown field', async () => {
    const { client } = await open({ scenario: { bom: 2 } })
    const events = recordEvents(client.subscribe('/api/stream'))
    await waitUntil(() => events.length)
    expect(events[0]!.type).toBe('connected')
  })
})
