/** The route handlers of `examples/next`, called with `Request` objects as Next calls them. */
import { EventEmitter } from 'node:events'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Target } from './check-example.ts'
import { checkCancel, checkFeed, checkRun } from './check-example.ts'
import type { Channel, Report } from './controlled-app.ts'
import { buildExample } from './start-example.ts'

type Route = Readonly<Record<string, (request: Request) => Promise<Response>>>

const routes = new Map<string, Route>()
const channel = new EventEmitter()
const commands = new EventEmitter()
let target: Target & { readonly generations: { prompt: string; pid: number }[]; readonly aborted: string[] }

const load = async (path: string): Promise<Record<string, unknown>> =>
  (await import(/* @vite-ignore */ pathToFileURL(await buildExample(path)).href)) as Record<string, unknown>

/** The requests that are open, so that a test can cut them. */
const connections = new Set<AbortController>()

/** Calls the route at the path of the URL. Cutting errors the body, as a lost connection does. */
const fetchRoute: typeof fetch = async (input, init) => {
  const cut = new AbortController()
  connections.add(cut)
  const signal = AbortSignal.any([cut.signal, ...(init?.signal ? [init.signal] : [])])
  const request = new Request(input, { ...init, signal })
  const response = await routes.get(new URL(request.url).pathname)![request.method]!(request)
  const { status, headers } = response
  const body = response.body?.pipeThrough(new TransformStream<Uint8Array, Uint8Array>(), { signal })
  return new Response(body ?? null, { status, headers })
}

beforeAll(async () => {
  const global = globalThis as { exampleChannel?: Channel }
  global.exampleChannel = {
    on: (event, listener) => commands.on(event, listener),
    send: (report) => channel.emit('report', report),
  }
  process.env['NEXT_RUNTIME'] = 'nodejs'
  // Each is a bundle of its own with a copy of the streams, as in a development server of Next.
  routes.set('/api/prices', (await load('next/app/api/prices/route.ts')) as Route)
  routes.set('/api/generate', (await load('next/app/api/generate/route.ts')) as Route)
  const instrumentation = await load('next/instrumentation.ts')
  await (instrumentation['register'] as () => Promise<void>)()
})

afterAll(() => {
  delete process.env['NEXT_RUNTIME']
})

beforeEach(() => {
  channel.removeAllListeners()
  const generations: { prompt: string; pid: number }[] = []
  const aborted: string[] = []
  channel.on('report', (report: Report) => {
    if (report.type === 'generate') generations.push(report)
    else aborted.push(report.prompt)
  })
  target = {
    url: 'http://app.example',
    generations,
    aborted,
    send: (command) => void commands.emit('message', command),
    cut() {
      for (const connection of connections) connection.abort(new TypeError('The connection was cut.'))
      connections.clear()
    },
  }
})

test('a feed gets what another bundle sends, and is resumed without a loss', () =>
  checkFeed(target, { fetch: fetchRoute }))

test('a run is resumed after each cut, joined by its key, and generated once', () =>
  checkRun(target, { fetch: fetchRoute }))

test('a run is cancelled', () => checkCancel(target, { fetch: fetchRoute }))

test('a request without a prompt is refused', async () => {
  const init = { method: 'POST', body: '{}' }
  expect((await fetchRoute('http://app.example/api/generate', init)).status).toBe(400)
})
