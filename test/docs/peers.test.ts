/** What the README says of other clients, seen by running them against the mock server. */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { Window } from 'happy-dom'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { type MockServer, startMockServer } from '../../mock-server/node/mock-server.ts'
import { readDocument, root } from './markdown.ts'
import { outdatedDocuments } from '../../scripts/document-figures.mjs'
import { peerFigures, peers, versionOf } from './peer-sizes.mjs'

/** Peers are dependencies of the bench alone. */
const missing = !existsSync(`${root}bench/node_modules/openai`)
const skipReason = missing ? ' (skipped: `npm ci --prefix bench` has not been run)' : ''
const peer = <Module>(name: string): Promise<Module> =>
  import(/* @vite-ignore */ pathToFileURL(createRequire(`${root}bench/package.json`).resolve(name)).href)

type Fetch = typeof globalThis.fetch

let server: MockServer
/** Requests that a client made through `fetch`. */
let requests: number
let onRequest: (count: number) => void
const countingFetch: Fetch = (...args) => {
  onRequest(++requests)
  return fetch(...args)
}
/** Settles when the client makes its n-th request. */
const waitForRequests = (wanted: number): Promise<void> =>
  new Promise((resolve) => (onRequest = (count) => count >= wanted && resolve()))

beforeAll(async () => {
  server = await startMockServer({ delay: 1 })
})
afterAll(() => server.close())
beforeEach(() => {
  requests = 0
  onRequest = () => undefined
})
afterEach(() => {
  server.setScenario([])
  vi.unstubAllGlobals()
})

test.skipIf(missing)(`the versions are those that were run${skipReason}`, () => {
  const readme = readDocument('README.md')
  for (const name of [...peers.map((each: { name: string }) => each.name), 'openai'])
    expect(readme).toMatch(new RegExp(`\`${name}\` \\(?${versionOf(name).replaceAll('.', '\\.')}`))
})

test.skipIf(missing)(`the documents have their measured sizes${skipReason}`, { timeout: 120_000 }, async () => {
  expect(outdatedDocuments('peer', await peerFigures()), 'run `node test/docs/peer-sizes.mjs --write`').toEqual([])
})

interface FetchEventSource {
  fetchEventSource(url: string, options: Record<string, unknown>): Promise<void>
}

/** It lives in a window. Until it has settled, or made `limit` requests. */
async function fetchEventSource(
  path: string,
  limit: number,
  init: RequestInit = {},
): Promise<'resolved' | 'still trying'> {
  const window = new Window()
  vi.stubGlobal('window', window)
  vi.stubGlobal('document', window.document)
  const { fetchEventSource: run } = await peer<FetchEventSource>('@microsoft/fetch-event-source')
  const { signal, abort } = createStoppableSignal()
  const done = run(`${server.url}${path}`, {
    ...init,
    fetch: countingFetch,
    openWhenHidden: true,
    signal,
    onmessage() {},
  })
  const outcome = await Promise.race([
    done.then(() => 'resolved' as const),
    waitForRequests(limit).then(() => 'still trying' as const),
  ])
  abort()
  await window.happyDOM.close()
  return outcome
}

function createStoppableSignal(): { signal: AbortSignal; abort: () => void } {
  const controller = new AbortController()
  return { signal: controller.signal, abort: () => controller.abort() }
}

const post = { method: 'POST', body: '{"prompt":"Hello"}' }

test.skipIf(missing).each([
  ['asks again after 404', '/api/stream', 'status:404', {}, 'still trying'],
  ['asks again after 503', '/api/stream', 'status:503,retry-after:600', {}, 'still trying'],
  [
    'sends a POST again, at once where the server says `retry: 0`',
    '/api/generate',
    'reset-after:3,retry:0',
    post,
    'still trying',
  ],
  ['takes the end of a feed for its end', '/api/stream', 'end-after:1', {}, 'resolved'],
  ['takes a run that was cut for a whole one', '/api/generate', 'end-after:3', post, 'resolved'],
])(
  `@microsoft/fetch-event-source %s${skipReason}`,
  { timeout: 30_000 },
  async (_name, path, fault, init: RequestInit, outcome) => {
    server.setScenario(fault)
    const before = server.runs.length
    expect(await fetchEventSource(path, 3, init)).toBe(outcome)
    // Two of the three have reached the server for sure.
    if (init.method && outcome === 'still trying') expect(server.runs.length - before).toBeGreaterThanOrEqual(2)
  },
)

interface EventSources {
  EventSource: new (
    url: string,
    init: { fetch: unknown },
  ) => {
    readyState: number
    close(): void
    addEventListener(type: string, listener: () => void): void
  }
}

test.skipIf(missing).each([['503'], ['404'], ['401']])(`eventsource gives up after %s${skipReason}`, async (status) => {
  server.setScenario(`status:${status}`)
  const { EventSource } = await peer<EventSources>('eventsource')
  const source = new EventSource(`${server.url}/api/stream`, { fetch: countingFetch })
  await new Promise<void>((resolve) => source.addEventListener('error', resolve))
  expect({ readyState: source.readyState, requests }).toEqual({ readyState: 2, requests: 1 })
})

test.skipIf(missing)(
  `eventsource asks at once, again and again, where the server says \`retry: 0\`${skipReason}`,
  { timeout: 30_000 },
  async () => {
    server.setScenario('retry:0,end-after:1')
    const { EventSource } = await peer<EventSources>('eventsource')
    const source = new EventSource(`${server.url}/api/stream`, { fetch: countingFetch })
    await waitForRequests(50)
    source.close()
    expect(requests).toBeGreaterThanOrEqual(50)
  },
)

interface OpenAIs {
  OpenAI: new (options: Record<string, unknown>) => {
    chat: {
      completions: { create(request: unknown): Promise<AsyncIterable<{ choices: { delta: { content?: string } }[] }>> }
    }
  }
}

/** The answer as OpenAI's client reads it. */
async function ask(): Promise<string> {
  const { OpenAI } = await peer<OpenAIs>('openai')
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'any', fetch: countingFetch })
  const messages = [{ role: 'user', content: 'Hello' }]
  const stream = await client.chat.completions.create({ model: 'any', stream: true, messages })
  let answer = ''
  for await (const { choices } of stream) answer += choices[0]?.delta.content ?? ''
  return answer
}

test.skipIf(missing)(`openai takes a run that was cut for a whole one${skipReason}`, async () => {
  const whole = await ask()
  server.setScenario('end-after:5')
  const cut = await ask()
  expect(cut.length).toBeGreaterThan(0)
  expect(cut.length).toBeLessThan(whole.length)
  expect(requests).toBe(2)
})

test.skipIf(missing)(`openai rejects where the connection breaks${skipReason}`, async () => {
  server.setScenario('reset-after:5')
  await expect(ask()).rejects.toThrow(TypeError)
  expect(requests).toBe(1)
})

test.skipIf(missing)(`openai tries again after 503 with Retry-After${skipReason}`, async () => {
  server.setScenario('status:503,retry-after:0,once')
  expect((await ask()).length).toBeGreaterThan(0)
  expect(requests).toBe(2)
})

test.skipIf(missing)(`openai gives up after 404${skipReason}`, async () => {
  server.setScenario('status:404')
  await expect(ask()).rejects.toThrow('404')
  expect(requests).toBe(1)
})
