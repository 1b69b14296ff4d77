/** Contract of uninterrupted runs: PROTOCOL.md section 3. */
import { expect, test } from 'vitest'
import { isStreamError } from '../../src/base/errors.ts'
import { rawEvents } from '../../src/protocols/raw-events.ts'
import { registerContract } from './contract.ts'
import { readRun } from './record-events.ts'
import { waitUntil } from './wait-until.ts'

const answer = '你好, wörld 👨‍👩‍👧‍👦🇯🇵!'
const characters = ['你', '好', ',', ' ', 'w', 'ö', 'r', 'l', 'd', ' ', '👨‍👩‍👧‍👦', '🇯🇵', '!']

registerContract('runs', (open) => {
  test('[P3.1] a run delivers deltas indexed from 0 and ends with a finish reason', async () => {
    const { client, server } = await open({ answers: { '*': answer } })
    const run = client.stream('/api/generate', { json: { prompt: '你好' } })
    expect(await readRun(run)).toEqual({ contents: characters, indexes: characters.map((_, index) => index) })
    expect(await run.final()).toMatchObject({ text: answer, finishReason: 'stop', usage: { outputTokens: 13 } })
    expect((await server.state()).runs).toMatchObject([{ prompt: '你好', text: answer, state: 'finished' }])
  })

  test('[P3.1] a run can be started with GET', async () => {
    const { client, server } = await open({ answers: { '*': answer } })
    const { text } = await client.stream('/api/generate', { searchParams: { prompt: '你好' } }).final()
    expect(text).toBe(answer)
    expect(await server.log()).toEqual(['GET /api/generate'])
  })

  test('[P3.1] a run delivers custom events as well as the start and end events', async () => {
    const { client } = await open({
      answers: ['ab'],
      scenario: { events: [{ after: 1, type: 'tool_call', data: { name: 'search' } }] },
    })
    const run = client.stream('/api/generate', { json: { prompt: 'p' } })
    const received: unknown[] = []
    run.on('tool_call', ({ data }) => received.push(data))
    const types: string[] = []
    for await (const event of run.events()) types.push(event.type)
    expect(types).toEqual(['start', 'tool_call', 'end'])
    expect(received).toEqual([{ name: 'search' }])
    expect(run.text).toBe('ab')
  })

  test('[P3.1] a run cut off at the length limit has the finish reason "length"', async () => {
    const { client } = await open({ scenario: { 'finish-reason': 'length' } })
    expect(await client.stream('/api/generate', { json: { prompt: 'p' } }).final()).toMatchObject({
      finishReason: 'length',
    })
  })

  test('[P3.1] a run that ends with an error event rejects with code server and the partial text, and is not retried', async () => {
    const scenario = { 'error-after': 3, 'error-code': 'overloaded', 'error-retryable': true }
    const { client, server } = await open({ answers: ['abcdef'], scenario })
    const run = client.stream('/api/generate', { json: { prompt: 'p' } })
    const { contents, error } = await readRun(run)
    expect(contents).toEqual(['a', 'b', 'c'])
    expect(error).toMatchObject({ code: 'server', serverCode: 'overloaded', retryable: true, partial: 'abc' })
    await expect(run.final()).rejects.toBe(error)
    expect(await server.log()).toEqual(['POST /api/generate'])
  })

  test('[P3.1] events after the terminal event of a run are ignored', async () => {
    const late =
      'event: delta\ndata: {"content":"late","index":2}\n\nevent: error\ndata: {"code":"late","message":"late"}\n\n'
    const { client } = await open({ answers: ['ab'], scenario: { insert: late, 'insert-after': 4 } })
    const run = client.stream('/api/generate', { json: { prompt: 'p' } })
    expect(await run.final()).toMatchObject({ text: 'ab', finishReason: 'stop' })
  })

  test('[P3.2] a run that ends cleanly without a terminal event fails with truncated', async () => {
    const { client } = await open({ answers: ['abcdef'], scenario: { 'end-after': 3 } })
    const run = client.stream('/api/generate', { json: { prompt: 'p' }, retry: false })
    const { contents, error } = await readRun(run)
    expect(contents).toEqual(['a', 'b'])
    expect(error).toMatchObject({
      code: 'truncated',
      partial: 'ab',
      cursor: { lastEventId: expect.stringContaining('-3-') },
    })
    await expect(run.final()).rejects.toBe(error)
  })

  test('[P3.2] a third-party run that ends cleanly fails with truncated, unless its protocol ends runs by closing the connection', async () => {
    const { client } = await open({ scenario: { 'end-after': 3 } })
    const runWithEof = (eof: 'truncated' | 'end') =>
      client.stream('/api/generate', { searchParams: { prompt: 'p' }, protocol: { ...rawEvents(), eof } }).final()
    await expect(runWithEof('truncated')).rejects.toMatchObject({ code: 'truncated' })
    await expect(runWithEof('end')).resolves.toMatchObject({ finishReason: undefined })
  })

  test('concurrent runs do not affect each other', async () => {
    const prompts = ['one', 'two', 'three']
    const { client, server } = await open({ answers: { one: 'eins', two: 'zwei', three: 'drei' }, delay: 2 })
    const runs = prompts.map((prompt) => client.stream('/api/generate', { json: { prompt } }))
    const all = await Promise.all(runs.map(async (run) => (await readRun(run)).contents.join('')))
    expect(all).toEqual(['eins', 'zwei', 'drei'])
    expect((await server.state()).runs).toHaveLength(3)
  })

  test('a run whose consumer starts reading late loses no deltas', async () => {
    const { client, server } = await open({ answers: { '*': 'word '.repeat(3_000) } })
    const run = client.stream('/api/generate', { json: { prompt: 'p' } })
    await waitUntil(() => run.cursor)
    const { contents } = await readRun(run)
    expect(contents.join('')).toBe('word '.repeat(3_000))
    expect(await server.log()).toEqual(['POST /api/generate'])
  })

  test('a request that the server refuses with 400 is reported once', async () => {
    const { client, errors } = await open()
    const error: unknown = await client
      .stream('/api/generate', { json: {} })
      .final()
      .catch((reason: unknown) => reason)
    expect(isStreamError(error, 'http')).toBe(true)
    expect(error).toMatchObject({ status: 400, problem: { status: 400, title: 'Bad Request' } })
    expect(errors).toEqual([error])
  })
})
