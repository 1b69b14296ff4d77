/** `curl -N` reads a feed and a run. */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process'
import { describe, expect, onTestFinished, test } from 'vitest'
import { blocksOf, dataOf, eventsOf, textOf } from '../mock-server/support/blocks.ts'
import { waitUntil, openLocalTestServer } from '../mock-server/support/local-test-server.ts'

const missing = spawnSync('curl', ['--version']).status !== 0

interface Curl {
  child: ChildProcessWithoutNullStreams
  /** Output so far. */
  readonly output: string
  exited: Promise<number | null>
}

function curl(...words: string[]): Curl {
  const child = spawn('curl', ['-sSN', '--noproxy', '*', ...words])
  onTestFinished(() => void child.kill('SIGKILL'))
  const parts: Buffer[] = []
  child.stdout.on('data', (bytes: Buffer) => parts.push(bytes))
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve))
  return {
    child,
    get output() {
      return Buffer.concat(parts).toString()
    },
    exited,
  }
}

describe.skipIf(missing)('curl -N', () => {
  test('curl prints each event of a feed as it is sent', async () => {
    const { url, server } = await openLocalTestServer()
    const reading = curl(`${url}/api/stream`)
    await waitUntil(() => eventsOf(reading.output).length === 1)
    for (let number = 1; number <= 3; number++) {
      server.broadcast({ type: 'tick', data: { number, text: '你好' } })
      await waitUntil(() => eventsOf(reading.output).length === 1 + number)
    }
    expect(eventsOf(reading.output).at(-1)).toMatchObject({ type: 'tick', data: '{"number":3,"text":"你好"}' })
    reading.child.kill()
    await waitUntil(() => server.clients.length === 0)
  })

  test('curl resumes a feed after the event named by Last-Event-ID', async () => {
    const { url, server } = await openLocalTestServer()
    const ids = [1, 2, 3].map((data) => server.broadcast({ data }))
    const reading = curl('-H', `Last-Event-ID: ${ids[0]!}`, `${url}/api/stream`)
    await waitUntil(() => eventsOf(reading.output).length === 3)
    expect(
      eventsOf(reading.output)
        .slice(1)
        .map(({ data }) => data),
    ).toEqual(['2', '3'])
  })

  test('curl starts a run by POST and reads it to the end, delta by delta', async () => {
    const { url, clock } = await openLocalTestServer({ answers: { 你好: '你好，世界 🧑‍🚀' }, delay: 10 })
    const reading = curl('-d', '{"prompt":"你好"}', `${url}/api/generate`)
    await waitUntil(() => eventsOf(reading.output).length === 1)
    await clock.advance(10)
    await waitUntil(() => eventsOf(reading.output).length === 2)
    await clock.advance(10_000)
    expect(await reading.exited).toBe(0)
    const events = eventsOf(reading.output)
    expect(textOf(events)).toBe('你好，世界 🧑‍🚀')
    expect(dataOf(events.at(-1))['finishReason']).toBe('stop')
  })

  test.each(['gzip', 'br'])('curl reads a run compressed with %s', async (encoding) => {
    const { url } = await openLocalTestServer({ answers: ['compressed'], delay: 0 })
    const reading = curl('--compressed', '-H', `Accept-Encoding: ${encoding}`, `${url}/api/generate?prompt=x`)
    const code = await reading.exited
    // Exit code 61: this curl was built without support for the encoding.
    if (code !== 61) expect(textOf(eventsOf(reading.output))).toBe('compressed')
    expect([0, 61]).toContain(code)
  })

  test('curl exits with 18 for a truncated body, 56 for a reset, and 22 for an error status', async () => {
    const { url } = await openLocalTestServer({ answers: ['0123456789'], delay: 0 })
    expect(await curl(`${url}/api/generate?prompt=x&fault=truncate-after:3`).exited).toBe(18)
    expect(await curl(`${url}/api/generate?prompt=x&fault=reset-after:3`).exited).toBe(56)
    const refused = curl('-f', `${url}/api/stream?fault=status:503`)
    expect(await refused.exited).toBe(22)
  })

  test('a fault set by POST /_mock affects the next stream', async () => {
    const { url } = await openLocalTestServer()
    expect(await curl('-d', 'end-after:1', `${url}/_mock`).exited).toBe(0)
    const reading = curl(`${url}/api/stream`)
    expect(await reading.exited).toBe(0)
    expect(blocksOf(reading.output).map(({ comment, type }) => comment ?? type)).toEqual(['open', 'connected'])
  })
})
