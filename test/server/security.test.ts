/** What a server refuses without any option: pages of other origins, requests beyond its limits, and the mock's controls. */
import { describe, expect, test } from 'vitest'
import { memoryLog } from '../../server/log/memory-log.ts'
import type { ServerOptions } from '../../server/service/create-server.ts'
import type { Identity } from '../../server/http/identity.ts'
import { dataOf } from '../mock-server/support/blocks.ts'
import { createTestServer, faces, mount } from './support/faces.ts'
import { createModel } from './support/model.ts'

describe.each(faces)('%s', (face) => {
  async function openDefault(options: ServerOptions<Identity> = {}) {
    const { server } = createTestServer(options)
    const feed = server.feed('ticks')
    const model = createModel()
    const runs = server.runs({ generate: model.generate })
    // Under every path, as a catch-all route does.
    const paths = ['/feed', '/runs', '/_mock/scenario', '/feed/_mock/rules', '/_mock/runs']
    const routes = Object.fromEntries(paths.map((path) => [path, path.endsWith('runs') ? runs.handler : feed.handler]))
    return { feed, model, ...(await mount(face, routes)) }
  }

  test.each(['GET', 'POST', 'DELETE'])(
    '%s with cookies from a page of another origin gets a 403, and no run is started',
    async (method) => {
      const { fetch, model } = await openDefault()
      const headers = { cookie: 'session=1', origin: 'https://evil.example', 'idempotency-key': 'k' }
      const response = await fetch('/runs', { method, headers, ...(method === 'POST' && { body: '{"prompt":"Hi"}' }) })
      expect(response.status).toBe(403)
      expect(model.runs).toEqual([])
    },
  )

  test('a preflight request of another origin is granted nothing', async () => {
    const { fetch } = await openDefault()
    const { headers } = await fetch('/runs', { method: 'OPTIONS', headers: { origin: 'https://evil.example' } })
    expect(headers.get('access-control-allow-origin')).toBeNull()
    expect(headers.get('access-control-allow-credentials')).toBeNull()
  })

  test('a run beyond those that the log keeps gets a 503 with Retry-After', async () => {
    const { fetch, open } = await openDefault({ log: memoryLog({ shared: false, maxRuns: 1 }) })
    const init = { method: 'POST', body: '{"prompt":"Hi"}' }
    const reader = await open('/runs', init)
    await reader.readEvents(1)
    const response = await fetch('/runs', init)
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1'])
    reader.close()
  })

  test('an event beyond the memory of the log is rejected as overloaded', async () => {
    const { feed } = await openDefault({ log: memoryLog({ shared: false, maxBytes: 1_000 }) })
    await feed.send('tick', 'x'.repeat(500))
    await expect(feed.send('tick', 'x'.repeat(500))).rejects.toMatchObject({ code: 'overloaded' })
  })

  test('faults and scenarios of the mock server in a request have no effect', async () => {
    const { feed, open } = await openDefault()
    for (const path of ['/feed?fault=status:500', '/feed?fault=end-after:1', '/_mock/scenario', '/feed/_mock/rules']) {
      const reader = await open(path, { headers: { 'x-fault': 'status:500' } })
      expect(reader.response.status).toBe(200)
      await reader.readEvents(1)
      await feed.send('tick', path)
      expect((await reader.readEvents(2))[1]!.data).toBe(JSON.stringify(path))
      reader.close()
    }
  })

  test.each(['PUT', 'POST', 'PATCH', 'DELETE'])('%s to a path of the mock control is not allowed', async (method) => {
    const { fetch } = await openDefault()
    expect((await fetch('/_mock/scenario', { method })).status).toBe(405)
    expect((await fetch('/feed/_mock/rules', { method })).status).toBe(405)
  })

  test('GET of the list of runs of the mock control starts a run, and lists none', async () => {
    const { open, model } = await openDefault()
    const first = await open('/runs', { method: 'POST', body: '{"prompt":"private"}' })
    await first.readEvents(1)
    const reader = await open('/_mock/runs')
    const [start] = await reader.readEvents(1)
    expect(dataOf(start)['streamId']).toBe(model.runs[1]!.context.id)
    expect(reader.text).not.toContain('private')
    first.close()
    reader.close()
  })
})
