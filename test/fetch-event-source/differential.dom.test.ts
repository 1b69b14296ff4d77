/** Ours beside @microsoft/fetch-event-source on the same server: equal, but for what docs/from-fetch-event-source.md lists. */
import { fetchEventSource as theirs } from '@microsoft/fetch-event-source'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  EventStreamContentType,
  type FetchEventSourceInit,
  fetchEventSource as ours,
} from '../../src/fetch-event-source.ts'
import {
  type CannedResponseServer,
  startCannedResponseServer,
} from '../event-source/standard/canned-response-server.ts'
import { type Recording, type Usage, recordCalls } from './record-calls.ts'

let server: CannedResponseServer
beforeAll(async () => {
  server = await startCannedResponseServer()
})
afterAll(() => server.close())

const both = async (use: Usage): Promise<[ours: Recording, theirs: Recording]> => [
  await recordCalls(ours, server, use),
  await recordCalls(theirs, server, use),
]
const json = { method: 'POST', body: '{"prompt":"你好"}', headers: { 'Content-Type': 'application/json' } }

/** Asks for `times` further attempts, after a millisecond each, and throws then. */
function again(times: number): NonNullable<FetchEventSourceInit['onerror']> {
  let left = times
  return (error) => {
    if (left-- === 0) throw error
    return 1
  }
}

describe('equal', () => {
  const uses: Record<string, Usage> = {
    'names, ids, retry, lines, and each kind of line end': {
      answers: [
        {
          body: 'event: a\nid: 1\ndata: x\ndata: y\n\ndata: z\r\n\r\nevent: message\ndata: m\r\rretry: 700\ndata:r\n\nid: 2\nfoo: bar\ndata: {"a":"你好👋🏽"}\n\n',
        },
      ],
    },
    'events cut by the chunks': {
      answers: [{ body: ['da', 'ta: a', '\r', '\n\r\nda', 'ta: ', 'b\n', '\nid: 1\ndata', ': c\n\n'] }],
    },
    'an event that has no end': { answers: [{ body: 'data: a\n\ndata: b\n' }] },
    'an empty stream': { answers: [{ body: '' }] },
    'a stream that ends, asked for again by onclose': {
      answers: [
        { body: 'id: 7\ndata: a\n\n' },
        { body: 'data: {last-event-id}\n\n' },
        { status: 500, type: 'text/plain', body: 'no' },
      ],
      init: () => ({
        onclose() {
          throw new Error('ended')
        },
        onerror: again(2),
      }),
    },
    'a cut stream goes on after the last event ID': {
      answers: [{ body: 'id: 7\ndata: a\n\n', cut: 'body' }, { body: 'data: {last-event-id}\n\n' }],
      init: () => ({ onerror: again(1) }),
    },
    'an empty id takes it back': {
      answers: [{ body: 'id: 7\ndata: a\n\nid:\ndata: b\n\n', cut: 'body' }, { body: 'data: {last-event-id}\n\n' }],
      init: () => ({ onerror: again(1) }),
    },
    'a last event ID of the user’s own': {
      answers: [
        { body: 'data: {last-event-id}\n\n', cut: 'body' },
        { body: 'id: 2\ndata: {last-event-id}\n\n', cut: 'body' },
        { body: 'data: {last-event-id}\n\n' },
      ],
      init: () => ({ headers: { 'last-event-id': '1' }, onerror: again(2) }),
    },
    'a refused type': { answers: [{ type: 'text/html' }] },
    'a refused type, asked again': { answers: [{ type: 'application/json' }, {}], init: () => ({ onerror: again(1) }) },
    'no answer': { answers: [{ cut: 'head' }, {}], init: () => ({ onerror: again(1) }) },
    'onopen that refuses': {
      answers: [{ status: 401 }],
      init: () => ({
        async onopen() {
          throw new RangeError('refused')
        },
      }),
    },
    'onopen that lets another status pass': { answers: [{ status: 202 }], init: () => ({ async onopen() {} }) },
    'onopen that lets another type pass': { answers: [{ type: 'text/plain' }], init: () => ({ async onopen() {} }) },
    'onopen that reads the body': {
      answers: [{ status: 400, body: '{"detail":"no"}' }],
      init: () => ({
        async onopen(response) {
          throw new Error(await response.text())
        },
      }),
    },
    'onmessage that throws: the event counts as received': {
      answers: [
        { body: 'id: 1\ndata: a\n\nid: 2\ndata: b\n\n', staysOpen: true },
        { body: 'data: {last-event-id}\n\n' },
      ],
      init() {
        const onerror = again(1)
        return {
          onmessage({ data }) {
            if (data === 'b') throw new Error('b')
          },
          onerror,
        }
      },
    },
    'onerror that throws something else': {
      answers: [{ type: 'text/html' }],
      init: () => ({
        onerror() {
          throw new RangeError('fatal')
        },
      }),
    },
    'a POST, repeated where onerror asks for it': {
      answers: [{ body: 'data: a\n\n', cut: 'body' }, { body: 'data: {content-type}\n\n' }],
      init: () => ({ ...json, onerror: again(1) }),
    },
    headers: { answers: [{}], init: () => ({ headers: { accept: 'text/event-stream, */*', 'X-Own': '1' } }) },
    'the accept header that it adds': { answers: [{ body: 'data: {accept}\n\n' }] },
    'abort in a handler resolves': {
      answers: [{ staysOpen: true }],
      init: (_heard, abort) => ({ onmessage: abort }),
    },
    'abort in onopen resolves': {
      answers: [{ staysOpen: true }],
      init: (_heard, abort) => ({ onopen: async () => abort() }),
    },
    'abort while it waits for the next attempt': {
      answers: [{ cut: 'head' }],
      init: (_heard, abort) => ({
        onerror() {
          setTimeout(abort, 0)
          return 600_000
        },
      }),
    },
    'a fetch of the user’s: its input and its init': {
      answers: [{}],
      init: (received) => ({
        cache: 'no-cache',
        headers: { Authorization: 'Bearer x' },
        fetch(input, init) {
          const { signal, ...rest } = init!
          received.push([
            typeof input,
            Object.keys(rest).sort(),
            rest.headers,
            rest.cache,
            signal instanceof AbortSignal,
          ])
          return globalThis.fetch(input, init)
        },
      }),
    },
    'a Request': { answers: [{}], input: (address) => new Request(address, { method: 'PUT', body: 'put' }) },
  }
  test.each(Object.entries(uses))('%s', async (_name, use) => {
    const [own, other] = await both(use)
    expect(own).toEqual(other)
    expect(own.calls.length).toBeGreaterThan(0)
  })

  test('the type of event streams', () => {
    expect(EventStreamContentType).toBe('text/event-stream')
  })
})

/** Each row is a line of the guide: what ours tells where theirs tells something else. */
describe('mended', () => {
  const data = ({ calls: received }: Recording): unknown[] =>
    received.flatMap((each) => (typeof each === 'object' ? [(each as { data: string }).data] : []))

  const reading: [what: string, body: string, mended: string[], unmended: string[]][] = [
    [
      '1. comments and blocks without data are no messages',
      ': hi\n\nid: 1\n\nretry: 5\n\ndata: a\n\n',
      ['a'],
      ['', '', '', 'a'],
    ],
    ['2. an empty first line of data stays', 'data:\ndata: a\n\n', ['\na'], ['a']],
    ['3. a field without a colon is one', 'data\ndata\n\n', ['\n'], ['']],
    ['4. a byte order mark in data stays', 'data: \uFEFFa\n\n', ['\uFEFFa'], ['a']],
  ]
  test.each(reading)('%s', async (_what, body, mended, unmended) => {
    const [own, other] = await both({ answers: [{ body }] })
    expect([data(own), data(other)]).toEqual([mended, unmended])
  })

  test('5. [F1] the id of an event that was cut is not adopted', async () => {
    const use: Usage = {
      answers: [{ body: 'id: 1\ndata: a\n\nid: 2\n', cut: 'body' }, { body: '' }],
      init: () => ({ onerror: again(1) }),
    }
    const [own, other] = await both(use)
    expect([own.requests[1]!.id, other.requests[1]!.id]).toEqual(['1', '2'])
  })

  test('6. [F22] an id beyond Latin-1 is sent as UTF-8, instead of stopping all further attempts', async () => {
    const use: Usage = {
      answers: [{ body: 'id: 日本\ndata: a\n\n', cut: 'body' }, { body: 'data: {last-event-id}\n\n' }],
      init: () => ({ onerror: again(1) }),
    }
    const [own, other] = await both(use)
    expect([data(own), own.requests.length]).toEqual([['a', '日本'], 2])
    expect([data(other), other.requests.length]).toEqual([['a'], 1])
  })

  test('7. [F23] an id with NUL is ignored', async () => {
    const use: Usage = {
      answers: [{ body: 'id: 1\0\ndata: a\n\n', cut: 'body' }, {}],
      init: () => ({ onerror: again(1) }),
    }
    const [own, other] = await both(use)
    expect([own.requests.length, other.requests.length]).toEqual([2, 1])
    expect(own.requests[1]!.id).toBeUndefined()
  })

  test('8. [P3.4] a POST is not repeated by itself', async () => {
    const answers = [{ body: 'retry: 1\ndata: a\n\n', cut: 'body' as const }, { body: 'data: b\n\n' }]
    const init = () => ({ ...json, onerror: () => {} })
    const [own, other] = await both({ answers, init })
    expect([own.requests.length, other.requests.length]).toEqual([1, 2])
    expect([own.calls.at(-1), other.calls.at(-1)]).toEqual([expect.stringMatching(/^rejected TypeError/), 'resolved'])
  })

  test('9. [F10] text/event-streamish is no event stream', async () => {
    const [own, other] = await both({ answers: [{ type: 'text/event-streamish' }] })
    expect(own.calls.at(-1)).toBe(
      'rejected Error: Expected content-type to be text/event-stream, Actual: text/event-streamish',
    )
    expect(other.calls.at(-1)).toBe('resolved')
  })

  test('10. an error status is an error, whatever its type', async () => {
    const [own, other] = await both({ answers: [{ status: 500 }] })
    expect(own.calls.at(-1)).toBe('rejected Error: Expected status to be 200, Actual: 500')
    expect(other.calls.at(-1)).toBe('resolved')
  })

  test('11. [F12] 204 is the end', async () => {
    const [own, other] = await both({ answers: [{ status: 204, body: [], type: '' }] })
    expect(own.calls).toEqual(['close', 'resolved'])
    expect(other.calls.at(-1)).toMatch(/^rejected/)
  })

  test('12. [F36] [F37] after an abort nothing more is told, not even of the same chunk', async () => {
    const use: Usage = {
      answers: [{ body: 'data: a\n\ndata: b\n\ndata: c\n\n', staysOpen: true }],
      init: (_heard, abort) => ({ onmessage: abort }),
    }
    const [own, other] = await both(use)
    expect([data(own), data(other)]).toEqual([['a'], ['a', 'b', 'c']])
  })

  test('13. [F37] a signal that has aborted before: no request', async () => {
    const use: Usage = { answers: [{}], init: () => ({ signal: AbortSignal.abort() }) }
    const [own, other] = await both(use)
    expect([own.calls, own.requests.length, other.requests.length]).toEqual([['resolved'], 0, 1])
  })

  test('14. headers may be a Headers', async () => {
    const use: Usage = {
      answers: [{}],
      init: () => ({ headers: new Headers({ 'X-Own': '1' }) as unknown as Record<string, string> }),
    }
    const [own, other] = await both(use)
    expect([own.requests[0]!.headers['x-own'], other.requests[0]!.headers['x-own']]).toEqual(['1', undefined])
  })

  test('15. a Request keeps its headers, and can be sent again', async () => {
    const use: Usage = {
      answers: [{ body: 'data: a\n\n', cut: 'body' }, {}],
      input: (address) => new Request(address, { method: 'PUT', body: 'put', headers: { 'X-Own': '1' } }),
      init: () => ({ headers: { 'X-More': '2' }, onerror: again(1) }),
    }
    const [own, other] = await both(use)
    expect(own.requests.map(({ headers, body }) => [headers['x-own'], headers['x-more'], body])).toEqual([
      ['1', '2', 'put'],
      ['1', '2', 'put'],
    ])
    expect(other.requests.map(({ headers, body }) => [headers['x-own'], headers['x-more'], body])).toEqual([
      [undefined, '2', 'put'],
    ])
  })

  test('16. an `accept` in any case replaces the one that it adds', async () => {
    const [own, other] = await both({
      answers: [{ body: 'data: {accept}\n\n' }],
      init: () => ({ headers: { Accept: 'a/b' } }),
    })
    expect([data(own), data(other)]).toEqual([['a/b'], ['a/b, text/event-stream']])
  })
})
