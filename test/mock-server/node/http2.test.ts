/** The handler on `node:http2`: feeds and runs share one connection, and a fault cuts only the stream it applies to. */
import { once } from 'node:events'
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants, createServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { type NodeHandlerOptions, createNodeHandler } from '../../../mock-server/node/node-handler.ts'
import { type Service, type ServiceOptions, createService } from '../../../mock-server/service/service.ts'
import { dataOf, eventsOf, textOf } from '../support/blocks.ts'
import { waitUntil } from '../support/local-test-server.ts'

interface Stream {
  readonly stream: ClientHttp2Stream
  readonly text: string
  readonly status: Promise<number>
  until(text: string): Promise<void>
  /** Resolves when the stream ends: with the reset code, or with 0. */
  readonly ended: Promise<number>
}

async function host(
  options: ServiceOptions & NodeHandlerOptions = {},
): Promise<{ session: ClientHttp2Session; service: Service; connections: () => readonly unknown[] }> {
  const service = createService({ delay: 0, ...options })
  const handler = createNodeHandler(service, options)
  const server = createServer(handler).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  onTestFinished(() => {
    session.destroy()
    service.close()
    server.close()
  })
  return { session, service, connections: () => handler.connections }
}

function open(session: ClientHttp2Session, path: string, headers: Record<string, string> = {}, body = ''): Stream {
  const stream = session.request({ ':path': path, ':method': body ? 'POST' : 'GET', ...headers })
  if (body) stream.end(body)
  let text = ''
  stream.setEncoding('utf8').on('data', (piece: string) => (text += piece))
  // `rstCode` already reports the error.
  stream.on('error', () => undefined)
  return {
    stream,
    get text() {
      return text
    },
    status: once(stream, 'response').then(([headers]) => (headers as Record<string, number>)[':status']!),
    until: (part) => waitUntil(() => text.includes(part)),
    ended: new Promise((resolve) => stream.once('close', () => resolve(stream.rstCode))),
  }
}

test('one connection carries ten runs and a feed', async () => {
  const { session, service, connections } = await host({ answers: ['你好，世界'] })
  const feed = open(session, '/api/stream')
  await feed.until('connected')
  const runs = Array.from({ length: 10 }, (_, index) =>
    open(session, '/api/generate', { 'content-type': 'application/json' }, `{"prompt":"${index}"}`),
  )
  for (const run of runs) {
    expect(await run.ended).toBe(0)
    expect(textOf(eventsOf(run.text))).toBe('你好，世界')
  }
  const id = service.broadcast({ type: 'note', data: 1 })
  await feed.until(id)
  expect(service.feed().clients[0]!.connection).toMatchObject({ kind: 'feed', encoding: 'identity' })
  expect(connections()).toHaveLength(1)
  feed.stream.close()
  await waitUntil(() => service.feed().clients.length === 0)
})

test('a run resumes after an event id, and an invalid request gets a 400', async () => {
  const { session } = await host({ answers: ['abc'] })
  const run = open(session, '/api/generate?prompt=x')
  await run.ended
  const [start, first] = eventsOf(run.text)
  const rest = open(session, dataOf(start)['resume'] as string, { 'last-event-id': first!.id! })
  await rest.ended
  expect(textOf(eventsOf(rest.text))).toBe('bc')
  const invalid = open(session, '/api/generate')
  expect(await invalid.status).toBe(400)
})

test.each(['reset-after:2', 'truncate-after:2'])(
  '%s ends only the affected stream with an error, and the other streams continue',
  async (fault) => {
    const { session, service } = await host()
    const feed = open(session, '/api/stream')
    await feed.until('connected')
    const run = open(session, `/api/generate?prompt=x&fault=${fault}`)
    expect(await run.ended).toBe(constants.NGHTTP2_INTERNAL_ERROR)
    expect(eventsOf(run.text)).toHaveLength(2)
    await feed.until(service.broadcast({ data: 1 }))
  },
)

test('a channel works over HTTP/2', async () => {
  const { session } = await host({ answers: ['abc'] })
  const channel = open(session, '/api/channel')
  await channel.until('channel')
  const channelId = dataOf(eventsOf(channel.text)[0])['channelId']
  const ops = [{ op: 'open', key: 'a', path: '/api/generate?prompt=x' }]
  const posted = open(session, '/api/channel/ops', {}, JSON.stringify({ channelId, ops }))
  expect(await posted.status).toBe(202)
  await channel.until('id: a!\ndata: {"status":200}')
})
