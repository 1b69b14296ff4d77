/** Checks what docs/comparison.md says about other clients by running them against the mock server. */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { Window } from 'happy-dom'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { type MockServer, startMockServer } from '../../mock-server/node/mock-server.ts'
import { outdatedDocuments } from '../../scripts/document-figures.mjs'
import { readDocument, root } from './markdown.ts'
import { peerFigures, peers, versionOf } from './peer-sizes.mjs'

/** Whether the other clients, which only `bench/` depends on, are not installed. */
const missing = !existsSync(`${root}bench/node_modules/openai`)
const skipReason = missing ? ' (skipped: `npm ci --prefix bench` has not been run)' : ''
const peer = <Module>(name: string): Promise<Module> =>
  import(/* @vite-ignore */ pathToFileURL(createRequire(`${root}bench/package.json`).resolve(name)).href)

type Fetch = typeof globalThis.fetch

let server: MockServer
/** Number of requests that the client under test made through `countingFetch`. */
let requests: number
let onRequest: (count: number) => void
const countingFetch: Fetch = (...args) => {
  onRequest(++requests)
  return fetch(...args)
}
/** Resolves when the client under test has made this many requests. */
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

test.skipIf(missing)(`docs/comparison.md names the installed versions of other clients${skipReason}`, () => {
  const comparison = readDocument('docs/comparison.md')
  for (const name of [...peers.map((entry: { name: string }) => entry.name), 'openai'])
    expect(comparison).toMatch(new RegExp(`\`${name}\` \\(?${versionOf(name).replaceAll('.', '\\.')}`))
})

test.skipIf(missing)(
  `the documents state the measured sizes of other clients${skipReason}`,
  { timeout: 120_000 },
  async () => {
    expect(outdatedDocuments('peer', await peerFigures()), 'run `node test/docs/peer-sizes.mjs --write`').toEqual([])
  },
)

interface FetchEventSource {
  fetchEventSource(url: string, options: Record<string, unknown>): Promise<void>
}

/** Runs `fetchEventSource` in a happy-dom window until its promise resolves or the client has made `limit` requests. */
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
  ['retries after 404', '/api/stream', 'status:404', {}, 'still trying'],
  ['retries after 503', '/api/stream', 'status:503,retry-after:600', {}, 'still trying'],
  ['repeats a POST, immediately after `retry: 0`', '/api/generate', 'reset-after:3,retry:0', post, 'still trying'],
  ['resolves when the connection of a feed ends', '/api/stream', 'end-after:1', {}, 'resolved'],
  ['resolves when a run ends too early', '/api/generate', 'end-after:3', post, 'resolved'],
])(
  `@microsoft/fetch-event-source %s${skipReason}`,
  { timeout: 30_000 },
  async (_name, path, fault, init: RequestInit, outcome) => {
    server.setScenario(fault)
    const runsBefore = server.runs.length
    expect(await fetchEventSource(path, 3, init)).toBe(outcome)
    // At least two of the three requests have reached the server.
    if (init.method && outcome === 'still trying') expect(server.runs.length - runsBefore).toBeGreaterThanOrEqual(2)
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

test.skipIf(missing).each([['503'], ['404'], ['401']])(
  `eventsource gives up after status %s${skipReason}`,
  async (status) => {
    server.setScenario(`status:${status}`)
    const { EventSource } = await peer<EventSources>('eventsource')
    const source = new EventSource(`${server.url}/api/stream`, { fetch: countingFetch })
    await new Promise<void>((resolve) => source.addEventListener('error', resolve))
    expect({ readyState: source.readyState, requests }).toEqual({ readyState: 2, requests: 1 })
  },
)

test.skipIf(missing)(
  `eventsource keeps reconnecting without a delay after \`retry: 0\`${skipReason}`,
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

/** Resolves with the answer that OpenAI's client reads. */
async function readAnswer(): Promise<string> {
  const { OpenAI } = await peer<OpenAIs>('openai')
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'any', fetch: countingFetch })
  const messages = [{ role: 'user', content: 'Hello' }]
  const stream = await client.chat.completions.create({ model: 'any', stream: true, messages })
  let answer = ''
  for await (const { choices } of stream) answer += choices[0]?.delta.content ?? ''
  return answer
}

test.skipIf(missing)(`openai reports a run that ended too early as complete${skipReason}`, async () => {
  const complete = await readAnswer()
  server.setScenario('end-after:5')
  const truncated = await readAnswer()
  expect(truncated.length).toBeGreaterThan(0)
  expect(truncated.length).toBeLessThan(complete.length)
  expect(requests).toBe(2)
})

test.skipIf(missing)(`openai rejects with a TypeError when the connection breaks${skipReason}`, async () => {
  server.setScenario('reset-after:5')
  await expect(readAnswer()).rejects.toThrow(TypeError)
  expect(requests).toBe(1)
})

test.skipIf(missing)(`openai retries after status 503 with Retry-After${skipReason}`, async () => {
  server.setScenario('status:503,retry-after:0,once')
  expect((await readAnswer()).length).toBeGreaterThan(0)
  expect(requests).toBe(2)
})

test.skipIf(missing)(`openai gives up after status 404${skipReason}`, async () => {
  server.setScenario('status:404')
  await expect(readAnswer()).rejects.toThrow('404')
  expect(requests).toBe(1)
})
