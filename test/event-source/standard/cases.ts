/** The EventSource conformance cases: ports of the web-platform-tests (folder `eventsource`), named after their files, and additional cases. */
/* oxlint-disable unicorn/prefer-add-event-listener -- the handlers themselves are tested */
import { type CannedResponse, type Case, type Realm, nextMessages, rejectOn, nextEvent, assertSame } from './case.ts'

const web: readonly Realm[] = ['window', 'dedicated worker', 'shared worker', 'service worker']
const CONNECTING = 0
const OPEN = 1
const CLOSED = 2

/** Creates a case that checks that a stream with this body delivers messages with the expected data. */
const reads = (name: string, body: string, ...expected: string[]): Case => ({
  name,
  async run({ open, urlFor }) {
    assertSame(await nextMessages(open(urlFor({ body, staysOpen: true })), expected.length), expected)
  },
})

/** Creates a case that checks that this response closes the source without another attempt. */
const fails = (name: string, response: CannedResponse): Case => ({
  name,
  async run(context) {
    const url = context.urlFor(response)
    const source = context.open(url)
    const event = await Promise.race([nextEvent(source, 'error'), rejectOn(source, 'open', 'message')])
    assertSame(source.readyState, CLOSED)
    assertSame('data' in event, false)
    assertSame((await context.requests(url)).length, 1)
  },
})

/** Creates a case that checks that this response opens the source. */
const opens = (name: string, response: CannedResponse): Case => ({
  name,
  async run(context) {
    const source = context.open(context.urlFor({ ...response, staysOpen: true }))
    await Promise.race([nextEvent(source, 'open'), rejectOn(source, 'error')])
    assertSame(source.readyState, OPEN)
  },
})

/** Creates a case that checks the `Last-Event-ID` header of the second request after a block with this id. */
const remembers = (name: string, id: string, expected: string): Case => ({
  name,
  async run({ open, urlFor }) {
    const source = open(
      urlFor({ body: `retry: 1\nid: ${id}\ndata: hello\n\n` }, { body: 'data: {last-event-id}\n\n', staysOpen: true }),
    )
    const ids: string[] = []
    source.addEventListener('message', ({ lastEventId }) => ids.push(lastEventId))
    assertSame(await nextMessages(source, 2), ['hello', expected])
    assertSame(ids, [expected, expected])
  },
})

const cors = { 'access-control-allow-origin': '{origin}' }
const corsWithCredentials = { ...cors, 'access-control-allow-credentials': 'true' }

/** Creates a case that checks whether cookies are sent to another origin with these options. */
const cookie = (name: string, options: EventSourceInit | undefined, expected: 'sent' | 'not sent'): Case => ({
  name: `request-credentials: ${name}`,
  realms: ['window'],
  async run({ open, crossOriginUrlFor }) {
    const headers = { ...corsWithCredentials, 'set-cookie': `${name}=1; Path=/` }
    const url = crossOriginUrlFor(
      { headers, body: 'retry: 1\ndata: first\n\n' },
      { headers, body: 'data: {cookie}\n\n', staysOpen: true },
    )
    const [, second] = await nextMessages(open(url, options), 2)
    assertSame(second!.includes(`${name}=1`), expected === 'sent')
  },
})

const crossOrigin = (name: string, ...answers: CannedResponse[]): Case => ({
  name: `eventsource-cross-origin: ${name}`,
  realms: web,
  async run({ open, crossOriginUrlFor }) {
    const source = open(crossOriginUrlFor(...answers), { withCredentials: true })
    assertSame(await nextMessages(source, 1), ['data'])
  },
})

const refusedElsewhere = (name: string, headers: Record<string, string>): Case => ({
  name: `eventsource-cross-origin: ${name} should fail`,
  realms: web,
  async run({ open, crossOriginUrlFor }) {
    const source = open(crossOriginUrlFor({ headers }), { withCredentials: true })
    const event = await Promise.race([nextEvent(source, 'error'), rejectOn(source, 'message')])
    assertSame(source.readyState, CLOSED)
    assertSame('data' in event, false)
  },
})

const preflight = (name: string, id: string, requests: string): Case => ({
  name: `eventsource-cross-origin-preflight: ${name}`,
  realms: web,
  async run({ open, crossOriginUrlFor, requests: getRequests }) {
    const url = crossOriginUrlFor(
      { headers: cors, body: `id: ${id}\nretry: 1\ndata: first\n\n` },
      { headers: cors, body: 'data: {last-event-id}\n\n', staysOpen: true },
    )
    assertSame(await nextMessages(open(url), 2), ['first', id])
    assertSame((await getRequests(url)).map(({ method }) => method).join(' '), requests)
  },
})

const futile = (url: string): Case => ({
  name: `eventsource-constructor-non-same-origin: ${url}`,
  async run({ open }) {
    const source = open(url)
    const event = await nextEvent(source, 'error')
    assertSame(source.readyState, CLOSED)
    assertSame('data' in event, false)
  },
})

const stringified = (value: unknown): Case => ({
  name: `eventsource-constructor-stringify: ${String(value)}`,
  realms: web,
  run({ open }) {
    assertSame(open(value as string).url.endsWith(`/${String(value)}`), true)
  },
})

const long = 'x'.repeat(2_048)

export const cases: readonly Case[] = [
  reads(
    'event-data',
    'data:msg\ndata: msg\n\n:\nfalsefield:msg\n\nfalsefield:msg\nData:data\n\ndata\n\ndata:end\n\n',
    'msg\nmsg',
    '',
    'end',
  ),
  {
    name: 'eventsource-close: states',
    async run({ open, urlFor }) {
      const source = open(urlFor({ staysOpen: true }))
      assertSame(source.readyState, CONNECTING)
      await nextEvent(source, 'open')
      assertSame(source.readyState, OPEN)
      source.close()
      assertSame(source.readyState, CLOSED)
    },
  },
  {
    name: 'eventsource-close: events',
    async run({ open, urlFor }) {
      const url = urlFor({ body: 'retry: 1\ndata: opened\n\n' }, { body: 'data: reconnected\n\n' }, { status: 410 })
      const source = open(url)
      const received: string[] = []
      const ended = new Promise<void>((resolve) => {
        source.onerror = () => {
          received.push(`error ${source.readyState}`)
          if (source.readyState === CLOSED) resolve()
        }
      })
      source.onopen = () => received.push('open')
      source.onmessage = ({ data }) => received.push(data as string)
      await ended
      assertSame(received, ['open', 'opened', 'error 0', 'open', 'reconnected', 'error 0', 'error 2'])
    },
  },
  {
    name: 'eventsource-constructor-document-domain',
    realms: ['window'],
    async run({ open, urlFor }) {
      Object.assign(document, { domain: document.domain })
      const source = open(urlFor({ staysOpen: true }))
      const event = await nextEvent(source, 'open')
      assertSame(
        [source.readyState, Object.hasOwn(event, 'data'), event.bubbles, event.cancelable],
        [OPEN, false, false, false],
      )
    },
  },
  {
    name: 'eventsource-constructor-empty-url',
    realms: web,
    run({ open }) {
      assertSame(open('').url, globalThis.location.href)
    },
  },
  futile('ftp://example.not/'),
  futile('about:blank'),
  futile('mailto:whatwg@awesome.example'),
  futile("javascript:alert('FAIL')"),
  {
    name: 'eventsource-constructor-stringify: object',
    async run({ open, urlFor }) {
      const url = urlFor({ staysOpen: true })
      await nextEvent(open({ toString: () => url, valueOf: () => 'no' } as unknown as string), 'open')
    },
  },
  stringified(1),
  stringified(null),
  stringified(undefined),
  {
    name: 'eventsource-constructor-url-bogus',
    run({ open }) {
      try {
        open('http://this is invalid/')
      } catch (error) {
        const { name, code } = error as DOMException
        assertSame([error instanceof DOMException, name, code], [true, 'SyntaxError', 12])
        return
      }
      throw new Error('the constructor did not throw')
    },
  },
  {
    name: 'eventsource-constructor-url-multi-window, eventsource-onmessage-realm',
    realms: ['window'],
    async run({ EventSource, urlFor }) {
      const frame = document.createElement('iframe')
      const loaded = new Promise((resolve) => frame.addEventListener('load', resolve))
      frame.src = EventSource === globalThis.EventSource ? '/folder/frame.html' : '/folder/frame-with-polyfill.html'
      document.body.append(frame)
      await loaded
      const inner = frame.contentWindow as unknown as typeof globalThis
      const relative = new inner.EventSource('answer')
      assertSame(relative.url, new URL('/folder/answer', location.href).href)
      relative.close()
      const source = new inner.EventSource(urlFor({ staysOpen: true }))
      const message = await nextEvent(source, 'message')
      source.close()
      assertSame(message.constructor === inner.MessageEvent, true)
      assertSame(message.data, 'data')
    },
  },
  crossOrigin('basic use', { headers: corsWithCredentials, staysOpen: true }),
  crossOrigin('redirect use', {
    status: 302,
    headers: {
      ...corsWithCredentials,
      location:
        '{x-none}/answer?key=redirected&answers=%5B%7B%22headers%22%3A%7B%22access-control-allow-origin%22%3A%22%7Borigin%7D%22%2C%22access-control-allow-credentials%22%3A%22true%22%7D%7D%5D',
    },
  }),
  crossOrigin(
    'reconnection',
    { headers: corsWithCredentials, body: 'retry: 1\n\n' },
    { headers: corsWithCredentials, staysOpen: true },
  ),
  refusedElsewhere('no Allow-Credentials', cors),
  refusedElsewhere('another origin', { 'access-control-allow-origin': 'http://example.org' }),
  refusedElsewhere('no origin', { 'access-control-allow-origin': '' }),
  preflight('safe `last-event-id` (no preflight)', 'abc', 'GET GET'),
  preflight('unsafe `last-event-id` (too long)', 'a'.repeat(255), 'GET OPTIONS GET'),
  preflight('unsafe `last-event-id` (unsafe characters)', 'e5p3n<3k0k0s', 'GET OPTIONS GET'),
  {
    name: 'eventsource-eventtarget',
    async run({ open, urlFor }) {
      const source = open(urlFor({ staysOpen: true }))
      await new Promise<void>((resolve, reject) => {
        source.addEventListener(
          'message',
          function (this: EventSource, event) {
            try {
              assertSame(
                [event.data, this === source, event.target === source, event.currentTarget === source],
                ['data', true, true, true],
              )
              resolve()
            } catch (error) {
              reject(error)
            }
          },
          false,
        )
      })
    },
  },
  {
    name: 'eventsource-onmessage',
    async run({ open, urlFor }) {
      const source = open(urlFor({ staysOpen: true }))
      const event = await new Promise<MessageEvent>((resolve) => (source.onmessage = resolve))
      assertSame(
        [event.data, event.type, event.lastEventId, event.origin],
        ['data', 'message', '', new URL(source.url).origin],
      )
      assertSame([event.bubbles, event.cancelable, event.source, event.ports.length], [false, false, null, 0])
      assertSame([event instanceof MessageEvent, event.constructor.name], [true, 'MessageEvent'])
    },
  },
  {
    name: 'eventsource-onmessage-trusted',
    async run({ open, urlFor }) {
      assertSame((await nextEvent(open(urlFor({ staysOpen: true })), 'message')).isTrusted, true)
    },
  },
  {
    name: 'eventsource-onopen',
    async run({ open, urlFor }) {
      const source = open(urlFor({ staysOpen: true }))
      const event = await new Promise<Event>((resolve) => (source.onopen = resolve))
      assertSame(
        [source.readyState, Object.hasOwn(event, 'data'), event.bubbles, event.cancelable],
        [OPEN, false, false, false],
      )
    },
  },
  {
    name: 'eventsource-prototype',
    run({ EventSource, open, urlFor }) {
      Object.assign(EventSource.prototype, { returnTrue: () => true })
      assertSame((open(urlFor()) as EventSource & { returnTrue(): boolean }).returnTrue(), true)
      Reflect.deleteProperty(EventSource.prototype, 'returnTrue')
    },
  },
  {
    name: 'eventsource-reconnect: 200',
    async run({ open, urlFor }) {
      assertSame(await nextMessages(open(urlFor({ body: 'retry: 2\n\n' }, { staysOpen: true })), 1), ['data'])
    },
  },
  {
    name: 'eventsource-reconnect: events',
    async run({ open, urlFor }) {
      const source = open(urlFor({ body: 'retry: 2\nid: 2\ndata: ok\n\n' }, { staysOpen: true }))
      const received: string[] = []
      source.onerror = ({ type }) => received.push(`${type} ${source.readyState}`)
      source.addEventListener('message', ({ data }) => received.push(data as string))
      await nextMessages(source, 2)
      assertSame(received, ['ok', 'error 0', 'data'])
    },
  },
  {
    name: 'eventsource-url',
    run({ open, urlFor }) {
      const url = urlFor()
      assertSame(open(`${url}#hash`).url, `${url}#hash`)
    },
  },
  reads('format-bom', '\uFEFFdata:1\n\n\uFEFFdata:2\n\ndata:3\n\n', '1', '3'),
  reads('format-bom-2', '\uFEFF\uFEFFdata:1\n\ndata:2\n\ndata:3\n\n', '2', '3'),
  reads(
    'format-comments',
    `data:1\r:\0\n:\r\ndata:2\n:${long}\rdata:3\n:data:fail\r:${long}\ndata:4\n\n`,
    '1\n2\n3\n4',
  ),
  {
    name: 'format-data-before-final-empty-line',
    async run({ open, urlFor }) {
      const source = open(urlFor({ body: 'retry:1\ndata:test1\n\nid:test\ndata:test2' }))
      const ids: string[] = []
      source.addEventListener('message', ({ lastEventId }) => ids.push(lastEventId))
      assertSame(await nextMessages(source, 2), ['test1', 'test1'])
      assertSame(ids, ['', ''])
    },
  },
  reads('format-field-data', 'data:\n\ndata\ndata\n\ndata:test\n\n', '', '\n', 'test'),
  reads('format-field-event-empty', 'event: \ndata:data\n\n', 'data'),
  {
    name: 'format-field-event',
    async run({ open, urlFor }) {
      const source = open(urlFor({ body: 'event:test\ndata:x\n\ndata:x\n\n', staysOpen: true }))
      const [test, [data]] = await Promise.all([nextEvent(source, 'test'), nextMessages(source, 1)])
      assertSame([test.data, data], ['x', 'x'])
    },
  },
  remembers('format-field-id', '1', '1'),
  remembers('format-field-id-2', '…', '…'),
  {
    name: 'format-field-id-3',
    async run({ open, urlFor }) {
      const body = 'id: 1\ndata: 1\n\ndata: 1\n\nid: 2\ndata: 2\n\ndata: 2\n\nid\ndata: 3\n\ndata: 3\n\n'
      const source = open(urlFor({ body, staysOpen: true }))
      const ids: string[] = []
      source.addEventListener('message', ({ lastEventId }) => ids.push(lastEventId))
      await nextMessages(source, 6)
      assertSame(ids, ['1', '1', '2', '2', '', ''])
    },
  },
  ...['\0', 'x\0', '\0x', 'x\0x', ' \0'].map((id) => remembers(`format-field-id-null: ${JSON.stringify(id)}`, id, '')),
  reads(
    'format-field-parsing',
    'data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\ndata:3\rdata:\r\n data:32\ndata:4\n\n',
    '\0\n 2\n1\n3\n\n4',
  ),
  reads(
    'format-field-unknown',
    'data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacommentyay\ndata:test\n\n',
    'test\n\ntest',
  ),
  reads('format-leading-space', 'data:\ttest\rdata: \ndata:test\n\n', '\ttest\n\ntest'),
  fails('format-mime-bogus', { type: 'x bogus' }),
  opens('format-mime-trailing-semicolon', { type: 'text/event-stream;' }),
  // [spec] Fetch, "extract a MIME type": the last of several types counts, unless it is a wildcard.
  opens('of two content types the last counts: an event stream opens the source', {
    type: 'text/html, text/event-stream',
  }),
  opens('of two content types the last counts, unless it is a wildcard', { type: 'text/event-stream, */*' }),
  fails('of two content types the last counts: anything but an event stream closes the source', {
    type: 'text/event-stream, text/html',
  }),
  opens('format-mime-valid-bogus', { type: 'text/event-stream;x bogus' }),
  reads('format-newlines', 'data:test\r\ndata\ndata:test\r\n\r', 'test\n\ntest'),
  reads('format-null-character', 'data:\0\n\n\n\n', '\0'),
  {
    name: 'format-utf-8',
    async run({ open, urlFor }) {
      const source = open(
        urlFor({ type: 'text/event-stream;charset=windows-1252', body: 'data:ok…\n\n', staysOpen: true }),
      )
      assertSame(await nextMessages(source, 1), ['ok…'])
    },
  },
  reads('request-accept', 'data: {accept}\n\n', 'text/event-stream'),
  reads('request-cache-control', 'data: {cache-control}\n\n', 'no-cache'),
  cookie('enabled', { withCredentials: true }, 'sent'),
  cookie('disabled', { withCredentials: false }, 'not sent'),
  cookie('default', undefined, 'not sent'),
  ...[301, 302, 303, 307, 308].map((status): Case => ({
    name: `request-redirect: ${status}`,
    async run({ open, urlFor }) {
      const source = open(urlFor({ status, headers: { location: '/answer?key=redirected' } }))
      await Promise.race([nextEvent(source, 'open'), rejectOn(source, 'error')])
      assertSame(source.readyState, OPEN)
    },
  })),
  // 204 and 205 have no body; without `connection: close`, the server and the browser may disagree about where the response ends.
  ...[204, 205].map((status) =>
    fails(`request-status-error: ${status}`, { status, body: [], headers: { connection: 'close' } }),
  ),
  ...[210, 299, 404, 410, 503].map((status) => fails(`request-status-error: ${status}`, { status })),
  {
    name: '[F35] an error thrown by a handler is reported, and later events are still dispatched',
    realms: web,
    async run({ open, urlFor }) {
      const source = open(urlFor({ body: 'data: 1\n\ndata: 2\n\n', staysOpen: true }))
      const reported = new Promise<void>((resolve) =>
        globalThis.addEventListener('error', (event) => {
          if (!event.message.includes('handler failed')) return
          event.preventDefault()
          resolve()
        }),
      )
      source.onmessage = () => {
        throw new Error('handler failed')
      }
      assertSame(await nextMessages(source, 2), ['1', '2'])
      await reported
      assertSame(source.readyState, OPEN)
    },
  },
  {
    name: '[spec] microtasks run between the events of one chunk',
    async run({ open, urlFor }) {
      const source = open(urlFor({ body: 'data: 1\n\ndata: 2\n\n', staysOpen: true }))
      const received: string[] = []
      source.onmessage = ({ data }) => {
        received.push(data as string)
        void Promise.resolve().then(() => received.push('microtask'))
      }
      await nextMessages(source, 2)
      await Promise.resolve()
      assertSame(received, ['1', 'microtask', '2', 'microtask'])
    },
  },
  {
    name: 'eventsource-request-cancellation',
    realms: ['window'],
    runsAlone: true,
    async run({ open, urlFor }) {
      const source = open(urlFor({ body: ': quiet\n\n', staysOpen: true }))
      await nextEvent(source, 'open')
      const failed = nextEvent(source, 'error')
      window.stop()
      await failed
      assertSame(source.readyState, CLOSED)
    },
  },
]
