/** One JSON scenario file works with the command line, MSW, the in-process mock and a running server. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setupServer } from 'msw/node'
import { expect, onTestFinished, test } from 'vitest'
import { runCommand } from '../../mock-server/cli/run-command.ts'
import { createMock } from '../../mock-server/mock/mock.ts'
import { createMock as createMswMock } from '../../mock-server/msw/handlers.ts'
import { startMockServer } from '../../mock-server/node/mock-server.ts'
import { type Scenario, parseScenario } from '../../mock-server/scenario/scenario.ts'
import { openStreamReader } from '../mock-server/support/stream-reader.ts'

type Fetch = (input: string, init?: RequestInit) => Promise<Response>

const scenario = {
  $schema: './scenario.schema.json',
  rules: [
    { path: '/api/generate', status: 503, 'retry-after': 7, once: true },
    { path: '/api/generate', skip: 1, times: 1, 'end-after': 3 },
    { path: '/api/generate', skip: 2, duplicate: 2, 'drop-index': 1, 'error-after': 4, 'error-code': 'overloaded' },
    {
      path: '/api/stream',
      'id-prefix': '日本-',
      retry: 1_234,
      insert: 'data: inserted\n\n',
      'insert-after': 1,
      'end-after': 2,
    },
  ],
}

/** Writes the scenario to a file in a folder that is removed after the test. */
function writeScenario(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rivulet-scenario-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'scenario.json')
  writeFileSync(file, JSON.stringify(scenario))
  return file
}
const read = (file: string): Scenario => JSON.parse(readFileSync(file, 'utf8')) as Scenario

/** Every way to load a scenario: each function takes the file and returns a `fetch` to which the scenario applies. */
const ENTRY_POINTS: Record<string, (file: string) => Promise<{ url: string; fetch: Fetch; send(): void }>> = {
  async 'rivulet mock --scenario'(file) {
    const environment = { dist: '.', print: () => undefined, printError: () => undefined }
    const words = ['mock', '--port', '0', '--delay', '0', '--tick', '0', '--scenario', file]
    const outcome = await runCommand(words, environment)
    if (!('server' in outcome)) throw new Error(`The command started no server: ${JSON.stringify(outcome)}`)
    const { server } = outcome
    onTestFinished(() => server.close())
    return { url: server.url, fetch, send: () => void server.broadcast({ data: 1 }) }
  },
  async 'rivulet/msw'(file) {
    const mock = createMswMock({ scenario: read(file) })
    const server = setupServer(...mock.handlers())
    server.listen({ onUnhandledRequest: 'error' })
    onTestFinished(() => {
      server.close()
      mock.close()
    })
    return { url: 'https://api.example.com', fetch, send: () => void mock.feed().send({ data: 1 }) }
  },
  async 'rivulet/mock'(file) {
    const mock = createMock({ scenario: read(file) })
    onTestFinished(() => mock.close())
    return { url: 'http://localhost', fetch: mock.fetch, send: () => void mock.feed().send({ data: 1 }) }
  },
  async 'POST /_mock'(file) {
    const server = await startMockServer({ delay: 0 })
    onTestFinished(() => server.close())
    const response = await fetch(`${server.url}/_mock`, { method: 'POST', body: readFileSync(file) })
    if (!response.ok) throw new Error(await response.text())
    return { url: server.url, fetch, send: () => void server.broadcast({ data: 1 }) }
  },
}

test('a scenario may contain a $schema key for editors', () => {
  expect(parseScenario(scenario)).toHaveLength(4)
})

test.each(Object.keys(ENTRY_POINTS))(
  'a scenario loaded with %s injects the same faults in the same places',
  async (name) => {
    const { url, fetch, send } = await ENTRY_POINTS[name]!(writeScenario())

    const refused = await fetch(`${url}/api/generate?prompt=x`)
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '7'])

    const short = await (await openStreamReader(`${url}/api/generate?prompt=x`, {}, fetch)).readToEnd()
    expect(short.error).toBeUndefined()
    expect(short.events.map(({ type }) => type)).toEqual(['start', 'delta', 'delta'])

    const odd = await (await openStreamReader(`${url}/api/generate?prompt=x`, {}, fetch)).readToEnd()
    const indexes = odd.events.map(({ type, data }) =>
      type === 'delta' ? (JSON.parse(data!) as { index: number }).index : type,
    )
    expect(indexes).toEqual(['start', 0, 0, 2, 3, 'error'])

    const feed = await openStreamReader(`${url}/api/stream`, {}, fetch)
    await feed.readEvents(2)
    send()
    const { events } = await feed.readToEnd()
    expect(events.map(({ type, data }) => (type === 'message' ? data : type))).toEqual(['connected', 'inserted', '1'])
    expect([events[0]!.id, events[2]!.id].every((id) => id?.startsWith('日本-'))).toBe(true)
    expect(feed.blocks.find(({ retry }) => retry !== undefined)!.retry).toBe('1234')
  },
)
