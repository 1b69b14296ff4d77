/** Compares our `fetchEventSource` with @microsoft/fetch-event-source: they behave the same, except for the differences listed in docs/from-fetch-event-source.md. */
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

/** Returns an `onerror` that requests `times` more attempts, each after a millisecond, and then throws. */
function retryTimes(times: number): NonNullable<FetchEventSourceInit['onerror']> {
  let left = times
  return (error) => {
    if (left-- === 0) throw error
    return 1
  }
}

describe('equal behavior', () => {
  const uses: Record<string, Usage> = {
    'names, ids, retry, data lines, and all kinds of line ends': {
      answers: [
        {
          body: 'event: a\nid: 1\ndata: x\ndata: y\n\ndata: z\r\n\r\nevent: message\ndata: m\r\rretry: 700\ndata:r\n\nid: 2\nfoo: bar\ndata: {"a":"你好👋🏽"}\n\n',
        },
      ],
    },
    'events split across chunks': {
      answers: [{ body: ['da', 'ta: a', '\r', '\n\r\nda', 'ta: ', 'b\n', '\nid: 1\ndata', ': c\n\n'] }],
    },
    'an unfinished event': { answers: [{ body: 'data: a\n\ndata: b\n' }] },
    'an empty stream': { answers: [{ body: '' }] },
    'a stream that ends, and onclose that throws to reconnect': {
      answers: [
        { body: 'id: 7\ndata: a\n\n' },
        { body: 'data: {last-event-id}\n\n' },
        { status: 500, type: 'text/plain', body: 'no' },
      ],
      init: () => ({
        onclose() {
          throw new Error('ended')
        },
        onerror: retryTimes(2),
      }),
    },
    'a broken stream, resumed after the last event ID': {
      answers: [{ body: 'id: 7\ndata: a\n\n', cut: 'body' }, { body: 'data: {last-event-id}\n\n' }],
      init: () => ({ onerror: retryTimes(1) }),
    },
    'an empty id that clears the last event ID': {
      answers: [{ body: 'id: 7\ndata: a\n\nid:\ndata: b\n\n', cut: 'body' }, { body: 'data: {last-event-id}\n\n' }],
      init: () => ({ onerror: retryTimes(1) }),
    },
    'a last-event-id header from the caller': {
      answers: [
        { body: 'data: {last-event-id}\n\n', cut: 'body' },
        { body: 'id: 2\ndata: {last-event-id}\n\n', cut: 'body' },
        { body: 'data: {last-event-id}\n\n' },
      ],
      init: () => ({ headers: { 'last-event-id': '1' }, onerror: retryTimes(2) }),
    },
    'a wrong content type': { answers: [{ type: 'text/html' }] },
    'a wrong content type, retried': {
      answers: [{ type: 'application/json' }, {}],
      init: () => ({ onerror: retryTimes(1) }),
    },
    'no response, retried': { answers: [{ cut: 'head' }, {}], init: () => ({ onerror: retryTimes(1) }) },
    'onopen that throws': {
      answers: [{ status: 401 }],
      init: () => ({
        async onopen() {
          throw new RangeError('refused')
        },
      }),
    },
    'onopen that accepts another status': { answers: [{ status: 202 }], init: () => ({ async onopen() {} }) },
    'onopen that accepts another content type': {
      answers: [{ type: 'text/plain' }],
      init: () => ({ async onopen() {} }),
    },
    'onopen that reads the body': {
      answers: [{ status: 400, body: '{"detail":"no"}' }],
      init: () => ({
        async onopen(response) {
          throw new Error(await response.text())
        },
      }),
    },
    'onmessage that throws, with the event counted as received': {
      answers: [
        { body: 'id: 1\ndata: a\n\nid: 2\ndata: b\n\n', staysOpen: true },
        { body: 'data: {last-event-id}\n\n' },
      ],
      init() {
        const onerror = retryTimes(1)
        return {
          onmessage({ data }) {
            if (data === 'b') throw new Error('b')
          },
          onerror,
        }
      },
    },
    'onerror that throws a different error': {
      answers: [{ type: 'text/html' }],
      init: () => ({
        onerror() {
          throw new RangeError('fatal')
        },
      }),
    },
    'a POST, repeated because onerror returns a delay': {
      answers: [{ body: 'data: a\n\n', cut: 'body' }, { body: 'data: {content-type}\n\n' }],
      init: () => ({ ...json, onerror: retryTimes(1) }),
    },
    'custom headers': { answers: [{}], init: () => ({ headers: { accept: 'text/event-stream, */*', 'X-Own': '1' } }) },
    'the default accept header': { answers: [{ body: 'data: {accept}\n\n' }] },
    'abort in onmessage': {
      answers: [{ staysOpen: true }],
      init: (_calls, abort) => ({ onmessage: abort }),
    },
    'abort in onopen': {
      answers: [{ staysOpen: true }],
      init: (_calls, abort) => ({ onopen: async () => abort() }),
    },
    'abort while waiting for the next attempt': {
      answers: [{ cut: 'head' }],
      init: (_calls, abort) => ({
        onerror() {
          setTimeout(abort, 0)
          return 600_000
        },
      }),
    },
    'the arguments of a custom fetch': {
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
    'a Request as input': { answers: [{}], input: (url) => new Request(url, { method: 'PUT', body: 'put' }) },
  }
  test.each(Object.entries(uses))('both behave the same: %s', async (_name, use) => {
    const [own, other] = await both(use)
    expect(own).toEqual(other)
    expect(own.calls.length).toBeGreaterThan(0)
  })

  test('EventStreamContentType is text/event-stream', () => {
    expect(EventStreamContentType).toBe('text/event-stream')
  })
})

/**
 * Each test has the number of a row in docs/from-fetch-event-source.md, and checks the behavior of our
 * implementation and that of the package.
 */
describe('documented differences', () => {
  const data = ({ calls: received }: Recording): unknown[] =>
    received.flatMap((each) => (typeof each === 'object' ? [(each as { data: string }).data] : []))

  const differences: [name: string, body: string, ours: string[], theirs: string[]][] = [
    [
      '1. comments and blocks without data are not messages',
      ': hi\n\nid: 1\n\nretry: 5\n\ndata: a\n\n',
      ['a'],
      ['', '', '', 'a'],
    ],
    ['2. an empty first line of data is kept', 'data:\ndata: a\n\n', ['\na'], ['a']],
    ['3. a field without a colon has an empty value', 'data\ndata\n\n', ['\n'], ['']],
    ['4. a byte order mark in data is kept', 'data: \uFEFFa\n\n', ['\uFEFFa'], ['a']],
  ]
  test.each(differences)('%s', async (_name, body, ourData, theirData) => {
    const [own, other] = await both({ answers: [{ body }] })
    expect([data(own), data(other)]).toEqual([ourData, theirData])
  })

  test('5. [F1] the id of an incomplete event is ignored', async () => {
    const use: Usage = {
      answers: [{ body: 'id: 1\ndata: a\n\nid: 2\n', cut: 'body' }, { body: '' }],
      init: () => ({ onerror: retryTimes(1) }),
    }
    const [own, other] = await both(use)
    expect([own.requests[1]!.id, other.requests[1]!.id]).toEqual(['1', '2'])
  })

  test('6. [F22] an id beyond Latin-1 is sent as UTF-8 instead of failing all further attempts', async () => {
    const use: Usage = {
      answers: [{ body: 'id: 日本\ndata: a\n\n', cut: 'body' }, { body: 'data: {last-event-id}\n\n' }],
      init: () => ({ onerror: retryTimes(1) }),
    }
    const [own, other] = await both(use)
    expect([data(own), own.requests.length]).toEqual([['a', '日本'], 2])
    expect([data(other), other.requests.length]).toEqual([['a'], 1])
  })

  test('7. [F23] an id with NUL is ignored', async () => {
    const use: Usage = {
      answers: [{ body: 'id: 1\0\ndata: a\n\n', cut: 'body' }, {}],
      init: () => ({ onerror: retryTimes(1) }),
    }
    const [own, other] = await both(use)
    expect([own.requests.length, other.requests.length]).toEqual([2, 1])
    expect(own.requests[1]!.id).toBeUndefined()
  })

  test('8. [P3.4] a POST is not repeated unless onerror returns a delay', async () => {
    const answers = [{ body: 'retry: 1\ndata: a\n\n', cut: 'body' as const }, { body: 'data: b\n\n' }]
    const init = () => ({ ...json, onerror: () => {} })
    const [own, other] = await both({ answers, init })
    expect([own.requests.length, other.requests.length]).toEqual([1, 2])
    expect([own.calls.at(-1), other.calls.at(-1)]).toEqual([expect.stringMatching(/^rejected TypeError/), 'resolved'])
  })

  test('9. [F10] text/event-streamish is rejected', async () => {
    const [own, other] = await both({ answers: [{ type: 'text/event-streamish' }] })
    expect(own.calls.at(-1)).toBe(
      'rejected Error: Expected content-type to be text/event-stream, Actual: text/event-streamish',
    )
    expect(other.calls.at(-1)).toBe('resolved')
  })

  test('10. an error status is rejected, whatever the content type', async () => {
    const [own, other] = await both({ answers: [{ status: 500 }] })
    expect(own.calls.at(-1)).toBe('rejected Error: Expected status to be 200, Actual: 500')
    expect(other.calls.at(-1)).toBe('resolved')
  })

  test('11. [F12] status 204 ends the stream', async () => {
    const [own, other] = await both({ answers: [{ status: 204, body: [], type: '' }] })
    expect(own.calls).toEqual(['close', 'resolved'])
    expect(other.calls.at(-1)).toMatch(/^rejected/)
  })

  test('12. [F36] [F37] after an abort no callback is called, not even for the same chunk', async () => {
    const use: Usage = {
      answers: [{ body: 'data: a\n\ndata: b\n\ndata: c\n\n', staysOpen: true }],
      init: (_calls, abort) => ({ onmessage: abort }),
    }
    const [own, other] = await both(use)
    expect([data(own), data(other)]).toEqual([['a'], ['a', 'b', 'c']])
  })

  test('13. [F37] a signal that is already aborted prevents the request', async () => {
    const use: Usage = { answers: [{}], init: () => ({ signal: AbortSignal.abort() }) }
    const [own, other] = await both(use)
    expect([own.calls, own.requests.length, other.requests.length]).toEqual([['resolved'], 0, 1])
  })

  test('14. headers can be a Headers object', async () => {
    const use: Usage = {
      answers: [{}],
      init: () => ({ headers: new Headers({ 'X-Own': '1' }) as unknown as Record<string, string> }),
    }
    const [own, other] = await both(use)
    expect([own.requests[0]!.headers['x-own'], other.requests[0]!.headers['x-own']]).toEqual(['1', undefined])
  })

  test('15. the headers of a Request are sent, and the Request can be sent again', async () => {
    const use: Usage = {
      answers: [{ body: 'data: a\n\n', cut: 'body' }, {}],
      input: (url) => new Request(url, { method: 'PUT', body: 'put', headers: { 'X-Own': '1' } }),
      init: () => ({ headers: { 'X-More': '2' }, onerror: retryTimes(1) }),
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

  test('16. an `Accept` header replaces the default, whatever the letter case of the name', async () => {
    const [own, other] = await both({
      answers: [{ body: 'data: {accept}\n\n' }],
      init: () => ({ headers: { Accept: 'a/b' } }),
    })
    expect([data(own), data(other)]).toEqual([['a/b'], ['a/b, text/event-stream']])
  })
})
