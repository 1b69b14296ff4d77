/** Every fault that a scenario can describe, observed over a real socket. */
import { gunzipSync, constants, brotliDecompressSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { blocksOf, dataOf, eventsOf } from '../support/blocks.ts'
import { waitUntil, openLocalTestServer } from '../support/local-test-server.ts'
import { openRawClient, type RawClient } from '../support/raw-client.ts'
import { openStreamReader } from '../support/stream-reader.ts'

const settings = { answers: ['0123456789'], delay: 0 }
const RUN = '/api/generate?prompt=x'

/** Starts a run with this fault and reads until the connection ends. */
async function runWith(
  fault: string,
  headers: Record<string, string> = {},
): Promise<{ client: RawClient; ended: string }> {
  const { url } = await openLocalTestServer(settings)
  const client = openRawClient(`${url}${RUN}&fault=${encodeURIComponent(fault)}`, {
    headers: { connection: 'close', ...headers },
  })
  return { client, ended: await client.ended }
}
const types = (client: RawClient): string[] => eventsOf(client.text).map(({ type }) => type)
const indexes = (client: RawClient): unknown[] =>
  eventsOf(client.text)
    .filter(({ type }) => type === 'delta')
    .map((delta) => dataOf(delta)['index'])

describe('cuts', () => {
  test('[F1] reset-after resets the connection inside the next event, after the id line', async () => {
    const { client, ended } = await runWith('reset-after:3')
    expect(ended).toBe('reset')
    expect(types(client)).toEqual(['start', 'delta', 'delta'])
    expect(client.isComplete).toBe(false)
    const partial = client.text.slice(client.text.lastIndexOf('\n\n') + 2)
    expect(partial).toMatch(/^event: delta\nid: [0-9a-f-]{36}-4-[0-9a-f]{8}\ndata: \{.+$/)
    expect(partial).not.toContain('\n\n')
  })

  test('[F1] cut-at:boundary cuts between two events', async () => {
    const { client, ended } = await runWith('reset-after:3,cut-at:boundary')
    expect(ended).toBe('reset')
    expect(client.text).toMatch(/"index":1\}\n\n$/)
  })

  test('[F1] cut-at:last-byte sends the event without the final newline', async () => {
    const { client, ended } = await runWith('reset-after:3,cut-at:last-byte')
    expect(ended).toBe('reset')
    expect(client.text).toMatch(/"index":2\}\n$/)
  })

  test('[F1] reset-after:0,cut-at:boundary resets after the headers, before the first event', async () => {
    const { client, ended } = await runWith('reset-after:0,cut-at:boundary')
    expect(ended).toBe('reset')
    expect(await client.status()).toBe(200)
    expect(eventsOf(client.text)).toEqual([])
  })

  test('[F2] truncate-after closes the connection (FIN) without the last chunk', async () => {
    const { client, ended } = await runWith('truncate-after:3')
    expect(ended).toBe('fin')
    expect(types(client)).toEqual(['start', 'delta', 'delta'])
    expect(client.head).toMatch(/transfer-encoding: chunked/i)
    expect(client.isComplete).toBe(false)
  })

  test('[F2] short-length declares a Content-Length that is not reached', async () => {
    const { client, ended } = await runWith('truncate-after:3,short-length')
    expect(ended).toBe('fin')
    expect(client.head).toMatch(/^content-length: \d{6,}$/m)
    expect(client.head).not.toMatch(/transfer-encoding/i)
    expect(types(client)).toEqual(['start', 'delta', 'delta'])
    expect(client.isComplete).toBe(false)
  })

  test('[F2] short-length alone sends every event, but does not complete the body', async () => {
    const { client, ended } = await runWith('short-length')
    expect(ended).toBe('fin')
    expect(types(client).at(-1)).toBe('end')
    expect(client.isComplete).toBe(false)
  })

  test('[F3] end-after ends the response cleanly, with the last chunk', async () => {
    const { client, ended } = await runWith('end-after:3')
    expect(ended).toBe('fin')
    expect(types(client)).toEqual(['start', 'delta', 'delta'])
    expect(client.isComplete).toBe(true)
  })

  test('[F8] cut-at:character cuts inside a UTF-8 character', async () => {
    const { url } = await openLocalTestServer({ answers: ['a你b'], delay: 0 })
    const client = openRawClient(`${url}${RUN}&fault=truncate-after:1,cut-at:character`)
    expect(await client.ended).toBe('fin')
    const { bytes } = client
    expect(bytes.at(-1)).toBe(Buffer.from('你')[0])
    expect(types(client)).toEqual(['start', 'delta'])
    expect(() => new TextDecoder('utf-8', { fatal: true }).decode(bytes)).toThrow(TypeError)
  })

  test.each(['gzip', 'br'])(
    '[F9] encoding:%s with a cut truncates the compressed body after complete events',
    async (encoding) => {
      const { client, ended } = await runWith(`truncate-after:3,encoding:${encoding}`)
      expect(ended).toBe('fin')
      expect(client.head).toContain(`content-encoding: ${encoding}`)
      const decode = encoding === 'gzip' ? gunzipSync : brotliDecompressSync
      expect(() => decode(client.bytes)).toThrow(/unexpected end|Decompression failed/i)
      const finishFlush = encoding === 'gzip' ? constants.Z_SYNC_FLUSH : constants.BROTLI_OPERATION_FLUSH
      const text = String(decode(client.bytes, { finishFlush }))
      expect(eventsOf(text).map(({ type }) => type)).toEqual(['start', 'delta', 'delta'])
      // Less text arrives than without compression, because the compressed bytes are cut.
      const plain = await runWith('truncate-after:3')
      expect(text.length).toBeLessThan(plain.client.text.length)
    },
  )

  test('[F18] refuse resets the connection without a response', async () => {
    const { client, ended } = await runWith('refuse')
    expect(ended).toBe('reset')
    expect(client.receivedText).toBe('')
  })

  test('lose-answer starts the run, but sends no response', async () => {
    const { url, server } = await openLocalTestServer(settings)
    const client = openRawClient(`${url}${RUN}&fault=lose-answer`)
    expect(await client.ended).toBe('reset')
    expect(client.receivedText).toBe('')
    expect(server.runs).toHaveLength(1)
    expect(server.runs[0]!.readers).toBe(0)
  })
})

describe('silence', () => {
  test('[F4] stall-after sends nothing more, neither heartbeats nor a FIN', async () => {
    const { url, server, clock } = await openLocalTestServer({ heartbeat: 1_000 })
    const client = openRawClient(`${url}/api/stream?fault=stall-after:2`)
    await client.waitForText('connected')
    server.broadcast({ data: 'last' })
    await client.waitForText('last')
    server.broadcast({ data: 'never' })
    await clock.advance(60_000)
    expect(server.clients).toHaveLength(1)
    expect(blocksOf(client.text).map(({ data, comment }) => data ?? comment)).toEqual([
      'open',
      expect.any(String),
      '"last"',
    ])
    expect(client.socket.readyState).toBe('open')
    client.close()
    await waitUntil(() => server.clients.length === 0)
  })

  test('[F5] quiet-after sends heartbeats, but no events', async () => {
    const { url, server, clock } = await openLocalTestServer({ heartbeat: 1_000 })
    const client = openRawClient(`${url}/api/stream?fault=quiet-after:1`)
    await client.waitForText('connected')
    server.broadcast({ data: 'never' })
    for (let count = 1; count <= 3; count++) {
      await clock.advance(1_000)
      await client.waitForText(': heartbeat\n\n'.repeat(count))
    }
    expect(eventsOf(client.text)).toHaveLength(1)
    client.close()
  })

  test('[F6] hang accepts the request, but never responds', async () => {
    const { url, server, clock } = await openLocalTestServer(settings)
    const client = openRawClient(`${url}${RUN}&fault=hang`, { method: 'POST', body: '{"prompt":"x"}' })
    const other = await fetch(`${url}/_mock`)
    expect(other.status).toBe(200)
    await clock.advance(3_600_000)
    expect(client.receivedText).toBe('')
    expect(client.socket.readyState).toBe('open')
    expect(server.runs).toEqual([])
    client.close()
  })

  test('[F6] head-delay delays the response', async () => {
    const { url, clock } = await openLocalTestServer(settings)
    const client = openRawClient(`${url}${RUN}&fault=head-delay:5000`)
    await waitUntil(() => clock.pendingDelays.includes(5_000))
    await clock.advance(4_999)
    expect(client.receivedText).toBe('')
    await clock.advance(1)
    expect(await client.status()).toBe(200)
    client.close()
  })

  test('[F7] buffer holds back output until enough has accumulated', async () => {
    const { url, server } = await openLocalTestServer({ heartbeat: 1_000 })
    const client = openRawClient(`${url}/api/stream?fault=buffer:2000`)
    await client.status()
    await waitUntil(() => server.clients.length === 1)
    server.broadcast({ data: 'x'.repeat(500) })
    server.broadcast({ data: 'x'.repeat(500) })
    await fetch(`${url}/_mock`)
    expect(client.text).toBe('')
    server.broadcast({ data: 'x'.repeat(1_000) })
    await client.waitForText('x'.repeat(1_000))
    expect(eventsOf(client.text)).toHaveLength(4)
    client.close()
  })

  test('[F7] heartbeat:off announces heartbeats, but sends none', async () => {
    const { url, server, clock } = await openLocalTestServer({ heartbeat: 1_000 })
    const client = openRawClient(`${url}/api/stream?fault=heartbeat:off`)
    await client.waitForText('"heartbeat":1000')
    await clock.advance(60_000)
    server.broadcast({ data: 'after' })
    await client.waitForText('after')
    expect(client.text).not.toContain(': heartbeat')
    client.close()
  })

  test('heartbeat:50 sets and announces a different interval', async () => {
    const { url, clock } = await openLocalTestServer({ heartbeat: 30_000 })
    const client = openRawClient(`${url}/api/stream?fault=heartbeat:50`)
    await client.waitForText('"heartbeat":50')
    await clock.advance(50)
    await client.waitForText(': heartbeat\n\n')
    client.close()
  })
})

describe('responses', () => {
  test.each(['text/html', 'text/event-streamish'])('[F10] content-type:%s overrides the Content-Type', async (type) => {
    const { client } = await runWith(`content-type:${type}`)
    expect(await client.status()).toBe(200)
    expect(client.head).toContain(`content-type: ${type}`)
    expect(types(client).at(-1)).toBe('end')
  })

  test('[F11] endless-body sends an endless error response, until the client disconnects', async () => {
    const { url } = await openLocalTestServer(settings)
    const controller = new AbortController()
    const response = await fetch(`${url}${RUN}&fault=status:500,endless-body`, { signal: controller.signal })
    expect(response.status).toBe(500)
    const reader = response.body!.getReader()
    for (let size = 0; size < 1024 * 1024;) size += (await reader.read()).value!.length
    controller.abort()
    await expect(reader.read()).rejects.toThrow()
  })

  test('[F12] status:204 responds without a body', async () => {
    const { client } = await runWith('status:204')
    expect(await client.status()).toBe(204)
    expect(client.text).toBe('')
  })

  test.each([301, 302, 303, 307, 308])('[F13] status:%i redirects to a relative location', async (status) => {
    const { client } = await runWith(`status:${status},location:/api/stream`)
    expect(await client.status()).toBe(status)
    expect(client.head).toContain('location: /api/stream')
  })

  test('[F13] location can create a redirect loop', async () => {
    const { url } = await openLocalTestServer({ scenario: { status: 307, location: '/api/stream' } })
    await expect(fetch(`${url}/api/stream`)).rejects.toMatchObject({ cause: { message: 'redirect count exceeded' } })
  })

  test('[F14] location can be a URL of another origin, with unescaped colons', async () => {
    const { client } = await runWith('status:302,location:http://localhost:9/api/stream?a=1')
    expect(client.head).toContain('location: http://localhost:9/api/stream?a=1')
  })

  test.each([400, 403, 404, 410, 408, 425, 429, 500, 502, 503, 504])(
    '[F15] [F17] status:%i responds with a problem document',
    async (status) => {
      const { client } = await runWith(`status:${status}`)
      expect(await client.status()).toBe(status)
      expect(client.head).toContain('content-type: application/problem+json')
      expect(JSON.parse(client.text)).toMatchObject({ status })
    },
  )

  test('[F16] status:401 responds with a challenge', async () => {
    const { client } = await runWith('status:401')
    expect(client.head).toContain('www-authenticate: Bearer realm="rivulet", error="invalid_token"')
  })

  test.each([
    ['503', 'retry-after:120', '120'],
    ['429', 'retry-after:Wed%2C 21 Oct 2037 07:28:00 GMT', 'Wed, 21 Oct 2037 07:28:00 GMT'],
    ['503', 'retry-after:soon', 'soon'],
  ])('[F17] status:%s,%s sets the Retry-After header', async (status, fault, value) => {
    const { client } = await runWith(`status:${status},${fault}`)
    expect(client.head).toContain(`retry-after: ${value}\r\n`)
  })

  test('[F19] a rule without once or times resets every connection after a 200 response', async () => {
    const { url } = await openLocalTestServer({ scenario: 'reset-after:0,cut-at:boundary' })
    for (let count = 0; count < 3; count++) {
      const client = openRawClient(`${url}/api/stream`)
      expect(await client.ended).toBe('reset')
      expect(await client.status()).toBe(200)
    }
  })
})

describe('content', () => {
  test.each(['0', '99999999999', '1e1', '-5', '10ms'])('[F20] retry:%s is sent unchanged', async (value) => {
    const { client } = await runWith(`retry:${value}`)
    expect(client.text).toContain(`\nretry: ${value}\n\n`)
    expect(types(client).at(-1)).toBe('end')
  })

  test('[F22] id-prefix: runs and feeds resume from ids outside Latin-1', async () => {
    const { url, server } = await openLocalTestServer(settings)
    const run = await openStreamReader(`${url}${RUN}&fault=id-prefix:日本`)
    const { events } = await run.readToEnd()
    expect(events[3]!.id).toMatch(/^日本/)
    const bytes = (id: string): string => Buffer.from(id, 'utf8').toString('latin1')
    const resume = url + (dataOf(events[0])['resume'] as string)
    const rest = await (
      await openStreamReader(resume, { headers: { 'last-event-id': bytes(events[3]!.id!) } })
    ).readToEnd()
    expect(rest.events.map(({ data }) => data)).toEqual(events.slice(4).map(({ data }) => data))
    const feed = await openStreamReader(`${url}/api/stream?fault=id-prefix:日本`)
    const [connected] = await feed.readEvents(1)
    server.broadcast({ data: 'missed' })
    feed.close()
    const again = await openStreamReader(`${url}/api/stream`, { headers: { 'last-event-id': bytes(connected!.id!) } })
    expect((await again.readEvents(2))[1]!.data).toBe('"missed"')
    again.close()
  })

  test.each([
    ['an id with NUL', 'id: a\0b\ndata: x\n\n'],
    ['an id-only block', 'id: 7\n\n'],
    ['an empty id', 'id\ndata: x\n\n'],
    ['a block without data', 'event: nothing\n\n'],
    ['a comment', ': hello\n\n'],
    ['an event named __proto__', 'event: __proto__\ndata: {"__proto__":1}\n\n'],
    ['unknown fields', 'what: ever\nnocolon\ndata:nospace\n\n'],
  ])('[F23] [F24] [F31] [F32] insert sends %s unchanged', async (_name, text) => {
    const { client } = await runWith(`insert:${encodeURIComponent(text)},insert-after:2`)
    const before = client.text.indexOf('"index":0}\n\n')
    expect(client.text.slice(before + '"index":0}\n\n'.length)).toMatch(
      new RegExp(`^${text.replaceAll('\0', '\\0')}event: delta`),
    )
  })

  test('[F25] overlap repeats events in a resumed stream', async () => {
    const { url, server } = await openLocalTestServer({ ...settings, scenario: 'overlap:2,connection:resumed' })
    const { events } = await (await openStreamReader(url + RUN)).readToEnd()
    const headers = { 'last-event-id': events[5]!.id! }
    const again = await (await openStreamReader(url + (dataOf(events[0])['resume'] as string), { headers })).readToEnd()
    expect(again.events).toEqual(events.slice(4))
    const ids = [1, 2, 3].map((data) => server.broadcast({ data }))
    const feed = await openStreamReader(`${url}/api/stream`, { headers: { 'last-event-id': ids[2]! } })
    expect((await feed.readEvents(3)).slice(1).map(({ id }) => id)).toEqual(ids.slice(1))
    feed.close()
  })

  test('[F25] duplicate, reorder and no-ids change the events of a run', async () => {
    expect(indexes((await runWith('duplicate:3')).client)).toEqual([0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(indexes((await runWith('reorder:3')).client)).toEqual([0, 2, 1, 3, 4, 5, 6, 7, 8, 9])
    const { client } = await runWith('no-ids')
    expect(client.text).not.toMatch(/^id/m)
    expect(indexes(client)).toHaveLength(10)
  })

  test('reorder does not lose the last event', async () => {
    expect(types((await runWith('reorder:12')).client)).toEqual([
      'start',
      ...Array.from({ length: 10 }, () => 'delta'),
      'end',
    ])
  })

  test('[F26] gap sends a reset event to a resumed feed', async () => {
    const { url, server } = await openLocalTestServer({ scenario: 'gap:expired' })
    const id = server.broadcast({ data: 1 })
    const reader = await openStreamReader(`${url}/api/stream`, { headers: { 'last-event-id': id } })
    expect((await reader.readEvents(2))[1]).toMatchObject({ type: 'reset', data: '{"reason":"expired"}' })
    reader.close()
  })

  test('[F27] drop-index leaves a gap in the indexes', async () => {
    expect(indexes((await runWith('drop-index:4')).client)).toEqual([0, 1, 2, 3, 5, 6, 7, 8, 9])
  })

  test('[F28] flood:line sends one line of 32 MiB', { timeout: 30_000 }, async () => {
    const { url } = await openLocalTestServer(settings)
    const response = await fetch(`${url}${RUN}&fault=flood:line,flood-after:2,flood-bytes:33554432`)
    const reader = response.body!.getReader()
    let size = 0
    let newlines = 0
    while (size < 32 * 1024 * 1024) {
      const { value } = await reader.read()
      size += value!.length
      newlines += size > 2_000 ? value!.filter((byte) => byte === 10).length : 0
    }
    expect(newlines).toBe(0)
    await reader.cancel()
  })

  test('[F28] flood:lines sends one event of endless data lines', async () => {
    const { url } = await openLocalTestServer(settings)
    const client = openRawClient(`${url}${RUN}&fault=flood:lines,flood-after:2,flood-bytes:200000`)
    await waitUntil(() => client.text.length > 200_000)
    const lines = client.text.slice(client.text.indexOf('"index":0}\n\n') + 12).split('\n')
    expect(lines.length).toBeGreaterThan(100)
    expect(lines.slice(0, -1).every((line) => line.startsWith('data: xxx'))).toBe(true)
    client.close()
  })

  test('[F29] split:1024 delivers an event of one megabyte', { timeout: 30_000 }, async () => {
    const { url, server } = await openLocalTestServer({})
    const reader = await openStreamReader(`${url}/api/stream?fault=split:1024`)
    await reader.readEvents(1)
    server.broadcast({ data: 'x'.repeat(1024 * 1024) })
    expect((await reader.readEvents(2))[1]!.data).toHaveLength(1024 * 1024 + 2)
    reader.close()
  })

  test('[F30] invalid-data makes the data of an event invalid JSON', async () => {
    const { client } = await runWith('invalid-data:3')
    const events = eventsOf(client.text)
    expect(() => dataOf(events[2])).toThrow(SyntaxError)
    expect(events[2]!.id).toMatch(/-3-[0-9a-f]{8}$/)
    expect(dataOf(events[3])['index']).toBe(2)
  })

  test.each([
    ['crlf', '\r\n'],
    ['cr', '\r'],
    ['lf', '\n'],
  ])('[F32] newline:%s sets the line ending', async (name, newline) => {
    const { client } = await runWith(`newline:${name}`)
    expect(client.text.match(/\r\n|\r|\n/g)!.every((found) => found === newline)).toBe(true)
    expect(types(client)).toHaveLength(12)
  })

  test('[F32] bom:2 sends two byte order marks', async () => {
    const { client } = await runWith('bom:2')
    expect(client.bytes.subarray(0, 6)).toEqual(Buffer.from('\ufeff\ufeff'))
    expect(client.text.slice(2)).toMatch(/^: open/)
  })

  test('[F32] split:1 with CRLF writes every byte separately', async () => {
    const { client } = await runWith('split:1,newline:crlf')
    expect(types(client)).toHaveLength(12)
    expect(client.chunkSizes.every((size) => size === 1)).toBe(true)
    expect(client.chunkSizes.length).toBe(client.bytes.length)
  })

  test('split-delay delays each write after the first', async () => {
    const { url, clock } = await openLocalTestServer({})
    const client = openRawClient(`${url}/api/stream?fault=split:4,split-delay:10`)
    await client.waitForText(': op')
    expect(client.text).toBe(': op')
    await clock.advance(10)
    await client.waitForText(': open\n\n')
    expect(client.text).toBe(': open\n\n')
    client.close()
  })
})

describe('matching requests', () => {
  const statuses = async (url: string, count: number, init: RequestInit = {}): Promise<number[]> => {
    const received: number[] = []
    for (let index = 0; index < count; index++) {
      const response = await fetch(url, init)
      await response.body?.cancel()
      received.push(response.status)
    }
    return received
  }

  test('once, times and skip limit how often a rule applies', async () => {
    const { url, server } = await openLocalTestServer({ scenario: 'status:503,once' })
    expect(await statuses(`${url}/api/stream`, 3)).toEqual([503, 200, 200])
    server.setScenario('status:503,times:2')
    expect(await statuses(`${url}/api/stream`, 4)).toEqual([503, 503, 200, 200])
    server.setScenario('status:503,skip:1,once')
    expect(await statuses(`${url}/api/stream`, 3)).toEqual([200, 503, 200])
  })

  test('once in ?fault= is counted separately for each URL', async () => {
    const { url } = await openLocalTestServer()
    expect(await statuses(`${url}/api/stream?fault=status:503,once`, 2)).toEqual([503, 200])
    expect(await statuses(`${url}/api/stream?fault=status:503,once&n=2`, 2)).toEqual([503, 200])
  })

  test('path, method and connection restrict a rule', async () => {
    const { url, server } = await openLocalTestServer({ ...settings, scenario: 'status:503,path:/api/generate' })
    expect(await statuses(`${url}/api/stream`, 1)).toEqual([200])
    expect(await statuses(url + RUN, 1)).toEqual([503])
    server.setScenario('status:503,path:/api/gen*,method:delete')
    expect(await statuses(url + RUN, 1)).toEqual([200])
    expect(await statuses(`${url}/api/generate/abc`, 1, { method: 'DELETE' })).toEqual([503])
    server.setScenario('status:503,connection:resumed')
    expect(await statuses(`${url}/api/stream`, 1)).toEqual([200])
    expect(await statuses(`${url}/api/stream`, 1, { headers: { 'last-event-id': 'x' } })).toEqual([503])
    server.setScenario('status:503,connection:first')
    expect(await statuses(`${url}/api/stream`, 1, { headers: { 'last-event-id': 'x' } })).toEqual([200])
  })

  test('a rule without a path applies to streams only', async () => {
    const { url } = await openLocalTestServer({ scenario: 'status:503' })
    expect(await statuses(`${url}/api/broadcast`, 1, { method: 'POST', body: '{"data":1}' })).toEqual([202])
    expect(await statuses(`${url}/_mock`, 1)).toEqual([200])
    expect(await statuses(`${url}/api/stream`, 1)).toEqual([503])
  })

  test('later rules override earlier ones, and ?fault= overrides all rules', async () => {
    const { url } = await openLocalTestServer({ scenario: [{ status: 500, 'retry-after': 3 }, { status: 502 }] })
    const response = await fetch(`${url}/api/stream`)
    expect([response.status, response.headers.get('retry-after')]).toEqual([502, '3'])
    expect(await statuses(`${url}/api/stream?fault=status:504`, 1)).toEqual([504])
  })
})
