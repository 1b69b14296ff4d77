/** The cases of an example that serves the streams of `examples/streams.ts`, whatever runs it. */
import { expect, test } from 'vitest'
import { createClient } from '../../src/index.ts'
import { checkCancel, checkFeed, checkInvalid, checkRun } from './check-example.ts'
import type { Example, Runtime } from './start-example.ts'
import { startExample } from './start-example.ts'

/** Registers the cases of `examples/NAME.ts`. `runtime` returns the program that runs it; Node by default. */
export function registerExampleCases(name: string, runtime?: () => Runtime): void {
  const start = (): Promise<Example> => startExample(name, {}, runtime?.())

  test('a feed is resumed without a loss', async () => checkFeed(await start()))

  test('a run is resumed after each cut, joined by its key, and generated once', async () => checkRun(await start()))

  test('a run is cancelled', async () => checkCancel(await start()))

  test('a request without a prompt is refused', async () => checkInvalid(await start()))

  test('the process ends when it is asked to, although clients are connected', async () => {
    const example = await start()
    const client = createClient({ baseUrl: example.url })
    const feed = client.subscribe('/api/prices')
    await new Promise((resolve) => void feed.on('connected', resolve))
    expect(await example.stop()).toBe(0)
    client.close()
  })
}
