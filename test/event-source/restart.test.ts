/** Tests of `EventSource` against the mock server: resuming after a server restart, and closing on status 204. */
import { expect, onTestFinished, test } from 'vitest'
import { startMockServer } from '../../mock-server/node/mock-server.ts'
import { EventSource } from '../../src/event-source.ts'
import { waitUntil } from '../contract/wait-until.ts'

test('[P2.3] no event is lost or repeated when the server is killed in the middle of a feed and restarted', async () => {
  await using server = await startMockServer({ port: 0, scenario: { retry: 100, path: '/api/stream' } })
  const source = new EventSource(`${server.url}/api/stream`)
  onTestFinished(() => source.close())
  const received: string[] = []
  const states: number[] = []
  source.addEventListener('number', ({ data }) => received.push(data as string))
  source.addEventListener('error', () => states.push(source.readyState))
  await waitUntil(() => source.readyState === EventSource.OPEN)
  for (let data = 0; data < 100; data++) server.broadcast({ type: 'number', data })
  await waitUntil(() => received.length === 100)
  await server.kill()
  for (let data = 100; data < 200; data++) server.broadcast({ type: 'number', data })
  await server.restart()
  await waitUntil(() => received.at(-1) === '199')
  expect(received).toEqual(Array.from({ length: 200 }, (_, data) => String(data)))
  expect(states).toContain(EventSource.CONNECTING)
  expect(states).not.toContain(EventSource.CLOSED)
})

test('[P1.4] [F12] status 204 after the end of a run closes the source', async () => {
  await using server = await startMockServer({ port: 0, delay: 0, scenario: { retry: 100, path: '/api/generate' } })
  const source = new EventSource(`${server.url}/api/generate?prompt=hello`)
  onTestFinished(() => source.close())
  let text = ''
  source.addEventListener('delta', ({ data }) => (text += (JSON.parse(data as string) as { content: string }).content))
  await waitUntil(() => source.readyState === EventSource.CLOSED)
  expect(text).toBe(server.runs[0]!.text)
  expect(server.runs).toHaveLength(1)
})
