/** The hooks of a server, through which another server is built on it. */
import { expect, onTestFinished, test } from 'vitest'
import type { Connection, Hooks } from '../../../server/http/hooks.ts'
import { memoryLog } from '../../../server/log/memory-log.ts'
import { createKernel } from '../../../server/service/create-server.ts'
import { everything } from '../../../server/stream/view.ts'
import { dataOf } from '../../mock-server/support/blocks.ts'
import { createManualServerClock } from '../../mock-server/support/manual-server-clock.ts'
import type { StreamReader } from '../../mock-server/support/stream-reader.ts'
import { openStreamReader } from '../../mock-server/support/stream-reader.ts'
import { type Handler, after } from '../support/faces.ts'

function openKernel(hooks: Hooks) {
  const clock = createManualServerClock()
  const server = createKernel({ clock, log: memoryLog({ shared: false, clock }) }, hooks)
  onTestFinished(() => server.close())
  return { clock, server }
}
const read = (handler: Handler, init: RequestInit = {}, query = ''): Promise<StreamReader> =>
  openStreamReader(`http://app.example/path${query}`, init, (input, options) => handler(new Request(input, options)))

test('a request may have another interval of heartbeats, which its first event announces', async () => {
  const { server, clock } = openKernel({
    intercept: ({ url }) => (url.endsWith('?fast') ? { heartbeat: 1_000 } : {}),
  })
  const { handler } = server.feed('ticks')
  const [fast, other] = [await read(handler, {}, '?fast'), await read(handler)]
  expect(dataOf((await fast.readEvents(1))[0])['heartbeat']).toBe(1_000)
  expect(dataOf((await other.readEvents(1))[0])['heartbeat']).toBe(30_000)
  const heartbeat = fast.readUntil(': heartbeat\n\n')
  await clock.advance(1_000)
  await heartbeat
  for (const reader of [fast, other]) reader.close()
})

test('a resumed reader may begin elsewhere', async () => {
  const { server } = openKernel({
    intercept: () => ({ begin: (_stream, { position, nonce }) => ({ position, nonce, reset: 'expired' }) }),
  })
  const feed = server.feed('ticks')
  const id = await feed.send('tick', 1)
  const reader = await read(feed.handler, after(id))
  expect((await reader.readEvents(2))[1]).toMatchObject({ type: 'reset', data: '{"reason":"expired"}' })
  reader.close()
})

test('a run may have another resume address, and no compaction', async () => {
  const { server } = openKernel({ intercept: () => ({ view: everything, resume: (id) => `/runs/${id}` }) })
  const runs = server.runs({
    async *generate() {
      yield* ['a', 'b', 'c']
    },
  })
  const started = await (await read(runs.handler)).readToEnd()
  const { streamId, resume } = dataOf(started.events[0])
  expect(resume).toBe(`/runs/${String(streamId)}`)
  const resumed = await read(runs.handler, after(started.events[0]!.id), `?run=${String(streamId)}`)
  expect((await resumed.readToEnd()).events).toEqual(started.events.slice(1))
})

test('the source of a connection may be wrapped, and its wrapper knows the connection', async () => {
  const connections: Connection[] = []
  const { server } = openKernel({
    shape(source, connection) {
      connections.push(connection)
      return { ...source, start: (sink) => sink.end(), drained: () => undefined, leave: () => source.leave() }
    },
  })
  const reader = await read(server.feed('ticks').handler)
  expect(await reader.readToEnd()).toEqual({ events: [], error: undefined })
  expect(connections).toMatchObject([
    { kind: 'feed', stream: 'ticks', clientId: expect.stringMatching(/^[0-9a-f-]{36}$/) },
  ])
})
