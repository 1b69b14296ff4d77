/** The examples of the server run, and serve the client of this SDK. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { createClient } from '../../src/index.ts'
import { dataOf, textOf } from '../mock-server/support/blocks.ts'
import { openStreamReader } from '../mock-server/support/stream-reader.ts'
import { root } from './markdown.ts'

/** Starts an example on a free port, and resolves with the URL that it prints. */
async function start(file: string): Promise<{ readonly url: string; stop(): Promise<unknown> }> {
  const child = spawn(process.execPath, [`${root}examples/${file}`], { env: { ...process.env, PORT: '0' } })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return {
    url: line.toString().trim(),
    stop() {
      child.kill('SIGTERM')
      return once(child, 'exit')
    },
  }
}

test.each(['node-http.mjs', 'express.mjs', 'fastify.mjs'])(
  'examples/%s serves a feed and runs, and stops',
  async (file) => {
    const { url, stop } = await start(file)
    const client = createClient({ baseUrl: url })
    const final = await client.stream('/api/generate', { json: { prompt: 'Hello from an example' } }).final()
    expect(final.text.trim()).toBe('Hello from an example')
    const feed = client.subscribe<{ price: { symbol: string } }>('/api/prices')
    const symbol = await new Promise((resolve) => feed.on('price', ({ data }) => resolve(data.symbol)))
    expect(symbol).toBe('ACME')
    feed.close()
    const refused = await fetch(`${url}/api/generate`, { method: 'POST', body: '{}' })
    expect(refused.status).toBe(400)
    expect(await stop()).toEqual([0, null])
  },
)

test('examples/next-route.mjs exports the handlers of a route', async () => {
  const route = (await import(`${root}examples/next-route.mjs`)) as Record<
    string,
    (request: Request) => Promise<Response>
  >
  const handle = (url: string, init?: RequestInit): Promise<Response> => {
    const request = new Request(url, init)
    return route[request.method]!(request)
  }
  const url = 'http://app.example/api/generate'
  const reader = await openStreamReader(url, { method: 'POST', body: '{"prompt":"a b"}' }, handle)
  const { events } = await reader.readToEnd()
  expect(textOf(events)).toBe('a b ')
  const again = await openStreamReader(new URL(dataOf(events[0])['resume'] as string, url).href, {}, handle)
  expect(textOf((await again.readToEnd()).events)).toBe('a b ')
})
