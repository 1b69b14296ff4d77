/** Tests of section 3 of PROTOCOL.md (runs), through both faces of the server. */
import { describe, expect, test, vi } from 'vitest'
import type { ServerRecord } from '../../../server/base/instrument.ts'
import type { Identity } from '../../../server/http/identity.ts'
import { memoryLog } from '../../../server/log/memory-log.ts'
import { HttpError } from '../../../server/http/problem.ts'
import { RunError } from '../../../server/run/delta.ts'
import type { RunsOptions } from '../../../server/run/options.ts'
import type { EndedRun } from '../../../server/run/producer.ts'
import type { ServerOptions } from '../../../server/service/create-server.ts'
import { type Block, dataOf, textOf } from '../../mock-server/support/blocks.ts'
import { waitUntil } from '../../mock-server/support/local-test-server.ts'
import { START_TIME_MS, createManualServerClock } from '../../mock-server/support/manual-server-clock.ts'
import type { StreamReader } from '../../mock-server/support/stream-reader.ts'
import { type Face, after, createTestServer, faces, mount } from '../support/faces.ts'
import { createModel } from '../support/model.ts'

interface Body {
  readonly prompt: string
}

interface StartOptions {
  readonly body?: unknown
  readonly key?: string
  readonly path?: string
  readonly headers?: Record<string, string>
}

const PATH = '/mounted/anywhere'

async function openRuns(
  face: Face,
  runsOptions: Partial<RunsOptions<Body, Identity>> = {},
  serverOptions: ServerOptions<Identity> = {},
) {
  const records: ServerRecord[] = []
  const ended: EndedRun[] = []
  const { server, clock } = createTestServer({ instrument: (record) => void records.push(record), ...serverOptions })
  const model = createModel<Body>()
  const create = () =>
    server.runs<Body>({ generate: model.generate, onEnd: (run) => void ended.push(run), ...runsOptions })
  const runs = create()
  const mounted = await mount(face, { [PATH]: runs.handler, '/other': create().handler })
  const post = ({ body = { prompt: 'Hi' }, key, path = PATH, headers }: StartOptions = {}): Promise<StreamReader> =>
    mounted.open(path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...(key ? { 'idempotency-key': key } : {}), ...headers },
    })
  const urlOf = (start: Block | undefined): string =>
    new URL(dataOf(start)['resume'] as string, new URL(PATH, mounted.url)).href
  /** Starts a run, lets the model say something and end, and reads everything. */
  const complete = async (...deltas: string[]): Promise<Block[]> => {
    const reader = await post()
    const [start] = await reader.readEvents(1)
    const run = model.runs.find(({ context }) => context.id === dataOf(start)['streamId'])!
    run.say(...deltas)
    run.end()
    return (await reader.readToEnd()).events
  }
  return { ...mounted, server, clock, model, records, ended, post, urlOf, complete }
}

/** Calls `generate` when the test has time for it. */
const runsOf = async (model: { readonly runs: readonly unknown[] }, count: number): Promise<void> =>
  waitUntil(() => model.runs.length >= count)

describe.each(faces)('%s', (face) => {
  describe('the events of a run', () => {
    test.each(['GET', 'POST'])('[P3.1] %s: a run consists of start, deltas without gaps, and end', async (method) => {
      const { model, post, open, complete } = await openRuns(face)
      const reader = method === 'POST' ? await post() : await open(`${PATH}?prompt=Hi`)
      const [start] = await reader.readEvents(1)
      expect(start!.type).toBe('start')
      expect(dataOf(start)).toEqual({
        protocol: 1,
        streamId: model.runs[0]!.context.id,
        prompt: 'Hi',
        timestamp: START_TIME_MS,
        resume: `?run=${model.runs[0]!.context.id}`,
        heartbeat: 30_000,
      })
      expect(model.runs[0]!.context.body).toEqual({ prompt: 'Hi' })
      model.runs[0]!.say('你好', ' ', 'there')
      await reader.readEvents(4)
      model.runs[0]!.end({ finishReason: 'length', rawFinishReason: 'MAX', usage: { inputTokens: 1, outputTokens: 3 } })
      const { events } = await reader.readToEnd()
      expect(events.map(({ type }) => type)).toEqual(['start', 'delta', 'delta', 'delta', 'end'])
      expect(events.slice(1, -1).map(dataOf)).toEqual([
        { content: '你好', index: 0 },
        { content: ' ', index: 1 },
        { content: 'there', index: 2 },
      ])
      expect(dataOf(events.at(-1))).toEqual({
        finishReason: 'length',
        rawFinishReason: 'MAX',
        timestamp: START_TIME_MS,
        usage: { inputTokens: 1, outputTokens: 3 },
      })
      expect(dataOf((await complete()).at(-1))).toEqual({ finishReason: 'stop', timestamp: START_TIME_MS })
    })

    test('[P3.6] [P3.7] rich deltas are sent with their fields, and count the same index', async () => {
      const { model, post, ended } = await openRuns(face)
      const reader = await post()
      await reader.readEvents(1)
      const deltas = [
        { type: 'reasoning', content: 'hm', block: 0 },
        { content: 'old', block: 1 },
        { type: 'tool-call', block: 2, id: 'call_1', name: 'weather', args: '{"city":' },
        { type: 'reset', from: 1 },
        { type: 'text', content: 'new', block: 1 },
      ] as const
      model.runs[0]!.say(...deltas)
      model.runs[0]!.end()
      const { events } = await reader.readToEnd()
      expect(events.slice(1, -1).map(dataOf)).toEqual(deltas.map((delta, index) => ({ ...delta, index })))
      expect(ended).toMatchObject([{ text: 'new', outcome: 'stop' }])
    })

    test.each([
      ['a RunError', new RunError('busy', 'Later.', { retryable: true }), ['busy', 'Later.', true]],
      ['any other error', new Error('secret'), ['internal', expect.not.stringContaining('secret'), false]],
    ])('[P3.1] [P3.10] %s thrown by `generate` ends the run with an error event', async (_name, error, expected) => {
      const { model, post, ended, records } = await openRuns(face)
      const reader = await post()
      await reader.readEvents(1)
      model.runs[0]!.say('par', 'tial')
      model.runs[0]!.fail(error)
      const { events } = await reader.readToEnd()
      expect(events.map(({ type }) => type)).toEqual(['start', 'delta', 'delta', 'error'])
      const [code, message, retryable] = expected
      expect(dataOf(events.at(-1))).toEqual({ code, message, retryable })
      expect(ended).toMatchObject([{ text: 'partial', outcome: 'failed' }])
      expect(records).toContainEqual(expect.objectContaining({ type: 'run-end', outcome: 'failed', error }))
    })

    test('errors of another copy of this package are recognized', async () => {
      vi.resetModules()
      const copies = {
        ...(await import('../../../server/run/delta.ts')),
        ...(await import('../../../server/http/problem.ts')),
      }
      expect(copies.RunError).not.toBe(RunError)
      const parse = (body: unknown): Body => {
        if ((body as Body).prompt === 'rude') throw new copies.HttpError(451, 'Please be polite.')
        return body as Body
      }
      const { model, post } = await openRuns(face, { parse })
      expect((await post({ body: { prompt: 'rude' } })).response.status).toBe(451)
      const reader = await post()
      await reader.readEvents(1)
      model.runs[0]!.fail(new copies.RunError('busy', 'Later.'))
      expect(dataOf((await reader.readToEnd()).events.at(-1))).toMatchObject({ code: 'busy' })
    })

    test.each([
      ['a delta that is not one', (run: { say(...deltas: never[]): void }) => run.say(7 as never)],
      ['a text without content', (run: { say(...deltas: never[]): void }) => run.say({ type: 'text' } as never)],
    ])('[P3.1] %s ends the run with an error event', async (_name, act) => {
      const { model, post } = await openRuns(face)
      const reader = await post()
      await reader.readEvents(1)
      act(model.runs[0]!)
      const { events } = await reader.readToEnd()
      expect(dataOf(events.at(-1))).toMatchObject({ code: 'internal', retryable: false })
    })

    test('a run that is longer than maxBytes ends with an error', async () => {
      const { model, post, ended } = await openRuns(face, { maxBytes: 4_000 })
      const reader = await post()
      await reader.readEvents(1)
      model.runs[0]!.say(...Array.from({ length: 10 }, () => 'x'.repeat(1_000)))
      const { events } = await reader.readToEnd()
      expect(dataOf(events.at(-1))).toMatchObject({ code: 'overloaded' })
      expect(ended).toMatchObject([{ outcome: 'failed' }])
      expect(model.runs[0]!.context.signal.aborted).toBe(true)
    })

    test('a body without a prompt can start a run', async () => {
      const { post } = await openRuns(face)
      const reader = await post({ body: [1] })
      expect(dataOf((await reader.readEvents(1))[0])).not.toHaveProperty('prompt')
      reader.close()
    })
  })

  describe('resuming', () => {
    test('[P3.3] each event has a unique id that contains the streamId', async () => {
      const { complete } = await openRuns(face)
      const events = await complete('a', 'b', 'c')
      const streamId = dataOf(events[0])['streamId'] as string
      const ids = events.map(({ id }) => id!)
      for (const id of ids) expect(id).toContain(streamId)
      expect(new Set(ids).size).toBe(ids.length)
    })

    test('[P3.3] resuming after any event returns the rest, and after the last event a 204', async () => {
      const { complete, urlOf, open } = await openRuns(face)
      const events = await complete('a', 'b', 'c')
      for (const [index, { id }] of events.entries()) {
        const again = await open(`${urlOf(events[0])}&compact=0`, after(id))
        if (index === events.length - 1) expect(again.response.status).toBe(204)
        else expect((await again.readToEnd()).events).toEqual(events.slice(index + 1))
      }
    })

    test('[P3.3] resuming without Last-Event-ID returns the whole run', async () => {
      const { complete, urlOf, open } = await openRuns(face)
      const events = await complete('a', 'b')
      expect((await (await open(`${urlOf(events[0])}&compact=0`)).readToEnd()).events).toEqual(events)
    })

    test('[P3.3] resuming a run in progress returns missed deltas, then live ones', async () => {
      const { model, post, urlOf, open } = await openRuns(face)
      const first = await post()
      await first.readEvents(1)
      const [run] = model.runs
      run!.say('a', 'b')
      const [start, , last] = await first.readEvents(3)
      first.close()
      run!.say('c', 'd')
      const second = await open(`${urlOf(start)}&compact=0`, after(last!.id))
      expect((await second.readEvents(2)).map((delta) => dataOf(delta)['index'])).toEqual([2, 3])
      run!.say('e')
      run!.end()
      expect(textOf([...first.events, ...(await second.readToEnd()).events])).toBe('abcde')
    })

    test('[P3.3] an unknown run leads to a 404, and an id that is not of the run to a 400 or 410', async () => {
      const { complete, urlOf, open, fetch } = await openRuns(face)
      const events = await complete('a')
      const url = urlOf(events[0])
      const streamId = dataOf(events[0])['streamId'] as string
      expect((await fetch(`${PATH}?run=${crypto.randomUUID()}`)).status).toBe(404)
      expect((await open(url, after('something'))).response.status).toBe(400)
      expect((await open(url, after(`${streamId}-99-aaaaaaaa`))).response.status).toBe(410)
      expect((await open(url, after(`${streamId}-2-aaaaaaaa`))).response.status).toBe(410)
    })

    test('[P3.3] a GET of the handler with a Last-Event-ID resumes the run instead of starting another', async () => {
      const { complete, open, model } = await openRuns(face)
      const events = await complete('a', 'b')
      const again = `${PATH}?prompt=Hi&compact=0`
      expect((await (await open(again, after(events[1]!.id))).readToEnd()).events).toEqual(events.slice(2))
      expect((await open(again, after(events.at(-1)!.id))).response.status).toBe(204)
      expect((await open(again, after(`${crypto.randomUUID()}-3-aa`))).response.status).toBe(404)
      expect((await open(again, after('not an id'))).response.status).toBe(404)
      expect(model.runs).toHaveLength(1)
    })
  })

  describe('compaction', () => {
    test('[P3.8] a late reader gets consecutive deltas as one, with the id of the last', async () => {
      const { complete, urlOf, open } = await openRuns(face)
      const events = await complete('a', 'b', 'c', 'd')
      const all = (await (await open(urlOf(events[0]))).readToEnd()).events
      expect(all.map(({ type }) => type)).toEqual(['start', 'delta', 'end'])
      expect(dataOf(all[1])).toEqual({ content: 'abcd', index: 0, count: 4 })
      expect(all[1]!.id).toBe(events[4]!.id)
      const rest = (await (await open(urlOf(events[0]), after(events[2]!.id))).readToEnd()).events
      expect(dataOf(rest[0])).toEqual({ content: 'cd', index: 2, count: 2 })
    })

    test('[P3.8] a late reader of 200 one-character deltas receives less than 2 kB', async () => {
      const { complete, urlOf, open } = await openRuns(face)
      const deltas = Array.from('abcdefghij'.repeat(20))
      const [start] = await complete(...deltas)
      const late = await open(urlOf(start))
      const { events } = await late.readToEnd()
      expect(textOf(events)).toBe(deltas.join(''))
      expect(Buffer.byteLength(late.text)).toBeLessThan(2_000)
    })

    test('[P3.8] only deltas of the same type and block are joined', async () => {
      const { model, post, urlOf, open } = await openRuns(face)
      const reader = await post()
      const [start] = await reader.readEvents(1)
      const [run] = model.runs
      run!.say({ type: 'reasoning', content: 'h', block: 0 }, { type: 'reasoning', content: 'm', block: 0 })
      run!.say({ content: 'a', block: 1 }, { content: 'b', block: 1 }, { content: 'c', block: 2 })
      run!.say({ type: 'tool-call', block: 3, args: '1' }, { type: 'tool-call', block: 3, args: '2' })
      run!.end()
      await reader.readToEnd()
      const { events } = await (await open(urlOf(start))).readToEnd()
      expect(events.slice(1, -1).map(dataOf)).toEqual([
        { type: 'reasoning', content: 'hm', block: 0, index: 0, count: 2 },
        { content: 'ab', block: 1, index: 2, count: 2 },
        { content: 'c', block: 2, index: 4 },
        { type: 'tool-call', block: 3, args: '1', index: 5 },
        { type: 'tool-call', block: 3, args: '2', index: 6 },
      ])
    })

    test('[P3.8] the content of one delta does not exceed 64 KiB', async () => {
      const { complete, urlOf, open } = await openRuns(face)
      const deltas = Array.from({ length: 100 }, (_, index) => `${index % 10}`.repeat(3_000))
      const events = await complete(...deltas)
      const replayed = (await (await open(urlOf(events[0]))).readToEnd()).events
      const contents = replayed.slice(1, -1).map((event) => dataOf(event)['content'] as string)
      expect(contents.join('')).toBe(deltas.join(''))
      expect(contents.length).toBeLessThan(10)
      for (const content of contents) expect(content.length).toBeLessThanOrEqual(65_536)
    })
  })

  describe('idempotency keys', () => {
    test.each(['GET', 'POST'])('[P3.4] %s: a second request with the same key joins the run', async (method) => {
      const { model, post, open } = await openRuns(face)
      const start = (): Promise<StreamReader> =>
        method === 'POST'
          ? post({ key: 'k1' })
          : open(`${PATH}?prompt=Hi&compact=0`, { headers: { 'idempotency-key': 'k1' } })
      const first = await start()
      await first.readEvents(1)
      model.runs[0]!.say('a', 'b')
      await first.readEvents(3)
      const second = await start()
      expect((await second.readEvents(1))[0]).toEqual(first.events[0])
      model.runs[0]!.end()
      const finished = (await first.readToEnd()).events
      expect(textOf((await second.readToEnd()).events)).toBe('ab')
      const third = (await (await start()).readToEnd()).events
      expect([third[0], third.at(-1)]).toEqual([finished[0], finished.at(-1)])
      expect(model.runs).toHaveLength(1)
    })

    test('[P3.4] the same key with a different body gets a 422', async () => {
      const { post } = await openRuns(face)
      const first = await post({ key: 'k1' })
      expect((await post({ key: 'k1', body: { prompt: 'other' } })).response.status).toBe(422)
      first.close()
    })

    test('[P3.4] a key is scoped to its method, path and identity', async () => {
      const authenticate = (request: Request) => ({ subject: request.headers.get('x-api-key')! })
      const { post, open, model } = await openRuns(face, {}, { authenticate })
      const readers = [
        await post({ key: 'k1', headers: { 'x-api-key': 'a' } }),
        await post({ key: 'k1', headers: { 'x-api-key': 'a' }, path: '/other' }),
        await post({ key: 'k1', headers: { 'x-api-key': 'b' } }),
        await open(`${PATH}?prompt=x`, { headers: { 'idempotency-key': 'k1', 'x-api-key': 'a' } }),
        await post({ key: 'k1', headers: { 'x-api-key': 'a' } }),
      ]
      const ids = []
      for (const reader of readers) ids.push(dataOf((await reader.readEvents(1))[0])['streamId'])
      expect(new Set(ids).size).toBe(4)
      expect(ids[4]).toBe(ids[0])
      expect(model.runs).toHaveLength(4)
      for (const reader of readers) reader.close()
    })

    test('[P3.4] requests without a key, or with different keys, start separate runs', async () => {
      const { post, model } = await openRuns(face)
      for (const key of [undefined, undefined, 'k1', 'k2']) (await post(key ? { key } : {})).close()
      await runsOf(model, 4)
      expect(model.runs).toHaveLength(4)
    })

    test.each([
      ['a body that is not JSON', '{', 400],
      ['a body that `parse` refuses', '{"prompt":7}', 400],
      ['a body that `parse` refuses with a status', '{"prompt":"rude"}', 451],
      ['a body over the limit', `{"prompt":"${'x'.repeat(2_000)}"}`, 413],
    ])('[P1.4] [P3.4] %s gets its status, and does not consume the key', async (_name, body, status) => {
      const parse = (value: unknown): Body => {
        const { prompt } = value as Body
        if (typeof prompt !== 'string') throw new Error('secret')
        if (prompt === 'rude') throw new HttpError(451, 'Please be polite.')
        return { prompt }
      }
      const { fetch, model, post } = await openRuns(face, { parse }, { limits: { body: 1_000 } })
      const refused = await fetch(PATH, { method: 'POST', body, headers: { 'idempotency-key': 'k1' } })
      expect(refused.status).toBe(status)
      expect(refused.headers.get('content-type')).toBe('application/problem+json')
      expect(await refused.text()).not.toContain('secret')
      expect(model.runs).toEqual([])
      const reader = await post({ key: 'k1' })
      await reader.readEvents(1)
      expect(model.runs).toHaveLength(1)
      reader.close()
    })
  })

  describe('detaching and cancelling', () => {
    test('[P3.5] a run continues after its reader has left', async () => {
      const { model, post, urlOf, open, records } = await openRuns(face)
      const reader = await post()
      const [start] = await reader.readEvents(1)
      reader.close()
      await waitUntil(() => records.some(({ type }) => type === 'close'))
      expect(model.runs[0]!.context.signal.aborted).toBe(false)
      model.runs[0]!.say('a', 'b')
      model.runs[0]!.end()
      expect(textOf((await (await open(urlOf(start))).readToEnd()).events)).toBe('ab')
    })

    test('[P3.5] a finished run is kept for the retention period after its end and its last reader', async () => {
      const { complete, urlOf, open, fetch, clock, records } = await openRuns(face, { retention: 5_000 })
      const url = urlOf((await complete('a'))[0])
      const closed = (count: number): Promise<void> =>
        waitUntil(() => records.filter(({ type }) => type === 'close').length === count)
      await closed(1)
      await clock.advance(4_999)
      await (await open(url)).readToEnd()
      await closed(2)
      await clock.advance(4_999)
      await (await open(url)).readToEnd()
      await closed(3)
      await clock.advance(5_000)
      expect((await fetch(url)).status).toBe(404)
    })

    test('[P3.5] an unfinished run without a reader is stopped, while a run with a reader continues', async () => {
      const { model, post, urlOf, open, clock, records, ended } = await openRuns(face, { abandon: 3_000 })
      const left = await post()
      const read = await post()
      const [start] = await left.readEvents(1)
      await read.readEvents(1)
      model.runs[0]!.say('partial')
      await left.readEvents(2)
      left.close()
      await waitUntil(() => records.some(({ type }) => type === 'close'))
      await clock.advance(2_999)
      expect(ended).toEqual([])
      await clock.advance(1)
      await waitUntil(() => ended.length > 0)
      expect(ended).toMatchObject([{ outcome: 'cancelled', text: 'partial' }])
      expect(model.runs.map(({ context }) => context.signal.aborted)).toEqual([true, false])
      const { events } = await (await open(urlOf(start))).readToEnd()
      expect(dataOf(events.at(-1))['finishReason']).toBe('cancelled')
      await clock.advance(10_000)
      expect(ended).toHaveLength(1)
      read.close()
    })

    test('[P3.5] DELETE ends the run for every reader, and a further DELETE gets a 204', async () => {
      const { model, post, urlOf, open, fetch, ended } = await openRuns(face)
      const one = await post()
      const [start] = await one.readEvents(1)
      const url = urlOf(start)
      const other = await open(url)
      await other.readEvents(1)
      model.runs[0]!.say('a', 'b')
      await other.readEvents(3)
      expect((await fetch(url, { method: 'DELETE' })).status).toBe(204)
      for (const reader of [one, other]) {
        const { events } = await reader.readToEnd()
        expect(events.map(({ type }) => type)).toEqual(['start', 'delta', 'delta', 'end'])
        expect(dataOf(events.at(-1))['finishReason']).toBe('cancelled')
      }
      expect(model.runs[0]!.context.signal.aborted).toBe(true)
      expect(ended).toMatchObject([{ outcome: 'cancelled', text: 'ab' }])
      expect((await fetch(url, { method: 'DELETE' })).status).toBe(204)
    })

    test('[P3.5] DELETE of a finished run does not change its end, and of an unknown run gets a 404', async () => {
      const { complete, urlOf, open, fetch } = await openRuns(face)
      const events = await complete('a')
      expect((await fetch(urlOf(events[0]), { method: 'DELETE' })).status).toBe(204)
      expect((await (await open(urlOf(events[0]))).readToEnd()).events).toEqual(events)
      expect((await fetch(`${PATH}?run=${crypto.randomUUID()}`, { method: 'DELETE' })).status).toBe(404)
      expect((await fetch(PATH, { method: 'DELETE' })).status).toBe(400)
    })

    test('[P3.5] DELETE with the idempotency key cancels a run whose `start` event has not arrived', async () => {
      const { post, fetch } = await openRuns(face)
      const lost = await post({ key: 'k1' })
      expect((await fetch(PATH, { method: 'DELETE', headers: { 'idempotency-key': 'k1' } })).status).toBe(204)
      const { events } = await (await post({ key: 'k1' })).readToEnd()
      expect(events.map(({ type }) => type)).toEqual(['start', 'end'])
      expect(dataOf(events[1])['finishReason']).toBe('cancelled')
      lost.close()
    })

    test('[P3.5] DELETE with the idempotency key cancels a run even if the DELETE overtakes the POST', async () => {
      const { post, fetch, model, ended, clock } = await openRuns(face, { retention: 5_000 })
      const cancelKey = (key: string): Promise<Response> =>
        fetch(PATH, { method: 'DELETE', headers: { 'idempotency-key': key } })
      expect((await cancelKey('k1')).status).toBe(204)
      const { events } = await (await post({ key: 'k1' })).readToEnd()
      expect(events.map(({ type }) => type)).toEqual(['start', 'end'])
      expect(dataOf(events[1])['finishReason']).toBe('cancelled')
      expect(model.runs).toEqual([])
      expect(ended).toMatchObject([{ outcome: 'cancelled', text: '' }])
      await cancelKey('k2')
      await clock.advance(5_000)
      const reader = await post({ key: 'k2' })
      await reader.readEvents(1)
      expect(model.runs).toHaveLength(1)
      reader.close()
    })
  })

  describe('identities', () => {
    const authenticate = (request: Request) => ({ subject: request.headers.get('x-api-key') ?? 'nobody' })

    test('[P4.3] resuming or cancelling a run of another identity gets a 404', async () => {
      const { post, urlOf, fetch, model } = await openRuns(face, {}, { authenticate })
      const reader = await post({ headers: { 'x-api-key': 'ann' } })
      const url = urlOf((await reader.readEvents(1))[0])
      for (const method of ['GET', 'DELETE']) {
        expect((await fetch(url, { method, headers: { 'x-api-key': 'bob' } })).status).toBe(404)
      }
      expect(model.runs[0]!.context.signal.aborted).toBe(false)
      expect((await fetch(url, { method: 'DELETE', headers: { 'x-api-key': 'ann' } })).status).toBe(204)
      await reader.readToEnd()
    })

    test('[P4.1] [P4.3] `authorize` decides who may start, read and cancel', async () => {
      const authorize = (identity: Identity, { action, owner }: { action: string; owner: string }) =>
        identity.subject === owner ? owner !== 'eve' : action === 'read'
      const { post, urlOf, fetch } = await openRuns(face, { authorize }, { authenticate })
      expect((await post({ headers: { 'x-api-key': 'eve' } })).response.status).toBe(403)
      const reader = await post({ headers: { 'x-api-key': 'ann' } })
      const url = urlOf((await reader.readEvents(1))[0])
      expect((await fetch(url, { method: 'DELETE', headers: { 'x-api-key': 'bob' } })).status).toBe(404)
      const read = await fetch(url, { headers: { 'x-api-key': 'bob' } })
      expect(read.status).toBe(200)
      await read.body!.cancel()
      reader.close()
    })

    test('an identity may have as many unfinished runs as the limit says', async () => {
      const { post, model } = await openRuns(face, {}, { authenticate, limits: { runs: 1 } })
      const reader = await post()
      await reader.readEvents(1)
      expect((await post()).response.status).toBe(429)
      expect((await post({ headers: { 'x-api-key': 'bob' } })).response.status).toBe(200)
      model.runs[0]!.end()
      await reader.readToEnd()
      expect((await post()).response.status).toBe(200)
    })
  })

  describe('the process', () => {
    test('a closing server lets its runs finish for `grace`, and ends the others as lost', async () => {
      const { post, model, server, clock, ended } = await openRuns(face)
      const [finishing, hanging] = [await post(), await post()]
      for (const reader of [finishing, hanging]) await reader.readEvents(1)
      const closing = server.close({ grace: 5_000 })
      expect((await post()).response.status).toBe(503)
      model.runs[0]!.end()
      expect(dataOf((await finishing.readToEnd()).events.at(-1))['finishReason']).toBe('stop')
      await clock.advance(5_000)
      await closing
      const { events } = await hanging.readToEnd()
      expect(dataOf(events.at(-1))).toMatchObject({ code: 'producer-lost', retryable: true })
      expect(ended.map(({ outcome }) => outcome)).toEqual(['stop', 'lost'])
      expect(model.runs[1]!.context.signal.aborted).toBe(true)
    })

    test('[P3.9] the key of a run that a closing server has ended starts another run on the next server', async () => {
      const log = memoryLog({ shared: false, clock: createManualServerClock() })
      const closing = await openRuns(face, {}, { log })
      const [start] = await (await closing.post({ key: 'k1' })).readEvents(1)
      await closing.server.close({ grace: 0 })
      const next = await openRuns(face, {}, { log })
      const again = await next.post({ key: 'k1' })
      expect(dataOf((await again.readEvents(1))[0])['streamId']).not.toBe(dataOf(start)['streamId'])
      again.close()
    })

    test('[P3.9] a run whose process is lost ends with `producer-lost`, and its key starts another run', async () => {
      const logClock = createManualServerClock()
      const log = memoryLog({ shared: false, clock: logClock })
      // The clock of the first process stands still: it renews no lease.
      const lost = await openRuns(face, {}, { log })
      const other = await openRuns(face, {}, { log, clock: logClock })
      const [start] = await (await lost.post({ key: 'k1' })).readEvents(1)
      const reader = await other.open(`${PATH}${dataOf(start)['resume'] as string}`)
      await reader.readEvents(1)
      await logClock.advance(8_000)
      const { events } = await reader.readToEnd()
      expect(dataOf(events.at(-1))).toEqual({
        code: 'producer-lost',
        message: expect.any(String),
        retryable: true,
      })
      const again = await other.post({ key: 'k1' })
      expect(dataOf((await again.readEvents(1))[0])['streamId']).not.toBe(dataOf(start)['streamId'])
      again.close()
      expect(lost.ended).toEqual([])
      await lost.clock.advance(1_000)
      expect(lost.ended).toMatchObject([{ outcome: 'lost' }])
    })

    test('`waitUntil` gets a promise that lasts as long as the run', async () => {
      const waitUntilRun = vi.fn<(promise: Promise<unknown>) => void>()
      const { complete } = await openRuns(face, {}, { waitUntil: waitUntilRun })
      await complete('a')
      expect(waitUntilRun).toHaveBeenCalledTimes(1)
      await expect(waitUntilRun.mock.calls[0]![0]).resolves.toBeUndefined()
    })
  })
})
