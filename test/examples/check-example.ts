/** What each example must do for the client of this SDK: a feed without loss, and runs that are generated once. */
import { expect } from 'vitest'
import { createClient } from '../../src/index.ts'
import type { ClientOptions } from '../../src/index.ts'
import { waitUntil } from '../mock-server/support/local-test-server.ts'
import type { Example } from './start-example.ts'

interface Prices {
  price: { symbol: string; value: number }
}

export type Target = Pick<Example, 'url' | 'generations' | 'aborted' | 'send' | 'cut'>

const open = ({ url }: Target, options: ClientOptions) =>
  createClient({ baseUrl: url, retry: { delay: 1, maxDelay: 1 }, ...options })

/** A feed gets every event, although its connection is cut twice. */
export async function checkFeed(example: Target, options: ClientOptions = {}): Promise<void> {
  const client = open(example, options)
  const values: number[] = []
  let connections = 0
  const feed = client.subscribe<Prices>('/api/prices', { onReset: ({ reason }) => values.push(Number(reason)) })
  feed.on('connected', () => void connections++)
  feed.on('price', ({ data }) => void values.push(data.value))
  for (let round = 0; round < 3; round++) {
    await waitUntil(() => connections === round + 1)
    for (const offset of [1, 2, 3]) example.send({ type: 'price', price: { symbol: 'A', value: round * 3 + offset } })
    if (round < 2) example.cut()
  }
  await waitUntil(() => values.length >= 9)
  expect(values).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
  client.close()
}

/** A run whose connection is cut continues; the same key joins it; it is generated once. */
export async function checkRun(example: Target, options: ClientOptions = {}): Promise<void> {
  const client = open(example, options)
  const start = () => client.stream('/api/generate', { json: { prompt: 'resumed' }, idempotencyKey: 'key' })
  const run = start()
  const final = run.final()
  for (const text of ['Every ', 'delta ', 'once']) {
    await waitUntil(() => example.generations.length > 0)
    example.send({ type: 'say', prompt: 'resumed', text })
    await waitUntil(() => run.text.endsWith(text))
    example.cut()
  }
  const joined = start().final()
  example.send({ type: 'say', prompt: 'resumed', text: '.' })
  example.send({ type: 'end', prompt: 'resumed' })
  expect(await final).toMatchObject({ text: 'Every delta once.', finishReason: 'stop' })
  expect(await joined).toMatchObject({ text: 'Every delta once.', finishReason: 'stop' })
  expect(example.generations).toHaveLength(1)
  client.close()
}

/** Canceling a run stops its generation, and keeps the text so far. */
export async function checkCancel(example: Target, options: ClientOptions = {}): Promise<void> {
  const client = open(example, options)
  const run = client.stream('/api/generate', { json: { prompt: 'cancelled' } })
  const final = run.final()
  await waitUntil(() => example.generations.some(({ prompt }) => prompt === 'cancelled'))
  example.send({ type: 'say', prompt: 'cancelled', text: 'Half' })
  await waitUntil(() => run.text === 'Half')
  await run.cancel()
  expect(await final).toMatchObject({ text: 'Half', finishReason: 'cancelled' })
  await waitUntil(() => example.aborted.includes('cancelled'))
  client.close()
}

/** A request that the example does not understand gets a 400. */
export async function checkInvalid({ url }: Target, headers: Readonly<Record<string, string>> = {}): Promise<void> {
  const init = { method: 'POST', body: '{"prompt":1}', headers: { 'content-type': 'application/json', ...headers } }
  expect((await fetch(`${url}/api/generate`, init)).status).toBe(400)
}
