/** What the web-platform-tests ask of `EventSource` (folder `eventsource`), said again as cases of ours; each bears its file's name. */
/* oxlint-disable unicorn/prefer-add-event-listener -- the handlers themselves are tested */
import { type Answer, type Case, type Realm, messages, never, next, same } from './case.ts'

const web: readonly Realm[] = ['window', 'dedicated worker', 'shared worker', 'service worker']
const CONNECTING = 0
const OPEN = 1
const CLOSED = 2

/** Bytes of a stream to the data of its messages. */
const reads = (name: string, body: string, ...expected: string[]): Case => ({
  name,
  async run({ open, answer }) {
    same(await messages(open(answer({ body, stays: true })), expected.length), expected)
  },
})

/** What is refused is refused for good. */
const fails = (name: string, answer: Answer): Case => ({
  name,
  async run(scene) {
    const address = scene.answer(answer)
    const source = scene.open(address)
    const event = await Promise.race([next(source, 'error'), never(source, 'open', 'message')])
    same(source.readyState, CLOSED)
    same('data' in event, false)
    same((await scene.requests(address)).length, 1)
  },
})

const opens = (name: string, answer: Answer): Case => ({
  name,
  async run(scene) {
    const source = scene.open(scene.answer({ ...answer, stays: true }))
    await Promise.race([next(source, 'open'), never(source, 'error')])
    same(source.readyState, OPEN)
  },
})

/** `Last-Event-ID` of the second request, after a block with this id. */
const remembers = (name: string, id: string, expected: string): Case => ({
  name,
  async run({ open, answer }) {
    const source = open(
      answer({ body: `retry: 1\nid: ${id}\ndata: hello\n\n` }, { body: 'data: {last-event-id}\n\n', stays: true }),
    )
    const ids: string[] = []
    source.addEventListener('message', ({ lastEventId }) => ids.push(lastEventId))
    same(await messages(source, 2), ['hello', expected])
    same(ids, [expected, expected])
  },
})

const cors = { 'access-control-allow-origin': '{origin}' }
const corsWithCredentials = { ...cors, 'access-control-allow-credentials': 'true' }

const cookie = (name: string, options: EventSourceInit | undefined, expected: string): Case => ({
  name: `request-credentials: ${name}`,
  realms: ['window'],
  async run({ open, answerElsewhere }) {
    const headers = { ...corsWithCredentials, 'set-cookie': `${name}=1; Path=/` }
    const address = answerElsewhere(
      { headers, body: 'retry: 1\ndata: first\n\n' },
      { headers, body: 'data: {cookie}\n\n', stays: true },
    )
    const [, second] = await messages(open(address, options), 2)
    same(second!.includes(`${name}=1`), expected === 'sent')
  },
})

const crossOrigin = (name: string, ...answers: Answer[]): Case => ({
  name: `eventsource-cross-origin: ${name}`,
  realms: web,
  async run({ open, answerElsewhere }) {
    const source = open(answerElsewhere(...answers), { withCredentials: true })
    same(await messages(source, 1), ['data'])
  },
})

const refusedElsewhere = (name: string, headers: Record<string, string>): Case => ({
  name: `eventsource-cross-origin: ${name} should fail`,
  realms: web,
  async run({ open, answerElsewhere }) {
    const source = open(answerElsewhere({ headers }), { withCredentials: true })
    const event = await Promise.race([next(source, 'error'), never(source, 'message')])
    same(source.readyState, CLOSED)
    same('data' in event, false)
  },
})

const preflight = (name: string, id: string, requests: string): Case => ({
  name: `eventsource-cross-origin-preflight: ${name}`,
  realms: web,
  async run({ open, answerElsewhere, requests: asked }) {
    const address = answerElsewhere(
      { headers: cors, body: `id: ${id}\nretry: 1\ndata: first\n\n` },
      { headers: cors, body: 'data: {last-event-id}\n\n', stays: true },
    )
    same(await messages(open(address), 2), ['first', id])
    same((await asked(address)).map(({ method }) => method).join(' '), requests)
  },
})

const futile = (url: string): Case => ({
  name: `eventsource-constructor-non-same-origin: ${url}`,
  async run({ open }) {
    const source = open(url)
    const event = await next(source, 'error')
    same(source.readyState, CLOSED)
    same('data' in event, false)
  },
})

const stringified = (value: unknown): Case => ({
  name: `eventsource-constructor-stringify: ${String(value)}`,
  realms: web,
  run({ open }) {
    same(open(value as string).url.endsWith(`/${String(value)}`), true)
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
    async run({ open, answer }) {
      const source = open(answer({ stays: true }))
      same(source.readyState, CONNECTING)
      await next(source, 'open')
      same(source.readyState, OPEN)
      source.close()
      same(source.readyState, CLOSED)
    },
  },
  {
    name: 'eventsource-close: events',
    async run({ open, answer }) {
      const address = answer({ body: 'retry: 1\ndata: opened\n\n' }, { body: 'data: reconnected\n\n' }, { status: 410 })
      const source = open(address)
      const heard: string[] = []
      const ended = new Promise<void>((resolve) => {
        source.onerror = () => {
          heard.push(`error ${source.readyState}`)
          if (source.readyState === CLOSED) resolve()
        }
      })
      source.onopen = () => heard.push('open')
      source.onmessage = ({ data }) => heard.push(data as string)
      await ended
      same(heard, ['open', 'opened', 'error 0', 'open', 'reconnected', 'error 0', 'error 2'])
    },
  },
  {
    name: 'eventsource-constructor-document-domain',
    realms: ['window'],
    async run({ open, answer }) {
      Object.assign(document, { domain: document.domain })
      const source = open(answer({ stays: true }))
      const event = await next(source, 'open')
      same(
        [source.readyState, Object.hasOwn(event, 'data'), event.bubbles, event.cancelable],
        [OPEN, false, false, false],
      )
    },
  },
  {
    name: 'eventsource-constructor-empty-url',
    realms: web,
    run({ open }) {
      same(open('').url, globalThis.location.href)
    },
  },
  futile('ftp://example.not/'),
  futile('about:blank'),
  futile('mailto:whatwg@awesome.example'),
  futile("javascript:alert('FAIL')"),
  {
    name: 'eventsource-constructor-stringify: object',
    async run({ open, answer }) {
      const address = answer({ stays: true })
      await next(open({ toString: () => address, valueOf: () => 'no' } as unknown as string), 'open')
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
        same([error instanceof DOMException, name, code], [true, 'SyntaxError', 12])
        return
      }
      throw new Error('it did not throw')
    },
  },
  {
    name: 'eventsource-constructor-url-multi-window, eventsource-onmessage-realm',
    realms: ['window'],
    async run({ EventSource, answer }) {
      const frame = document.createElement('iframe')
      const loaded = new Promise((resolve) => frame.addEventListener('load', resolve))
      frame.src = EventSource === globalThis.EventSource ? '/folder/frame.html' : '/folder/frame-with-polyfill.html'
      document.body.append(frame)
      await loaded
      const inner = frame.contentWindow as unknown as typeof globalThis
      const relative = new inner.EventSource('answer')
      same(relative.url, new URL('/folder/answer', location.href).href)
      relative.close()
      const source = new inner.EventSource(answer({ stays: true }))
      const message = await next(source, 'message')
      source.close()
      same(message.constructor === inner.MessageEvent, true)
      same(message.data, 'data')
    },
  },
  crossOrigin('basic use', { headers: corsWithCredentials, stays: true }),
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
    { headers: corsWithCredentials, stays: true },
  ),
  refusedElsewhere('no Allow-Credentials', cors),
  refusedElsewhere('another origin', { 'access-control-allow-origin': 'http://example.org' }),
  refusedElsewhere('no origin', { 'access-control-allow-origin': '' }),
  preflight('safe `last-event-id` (no preflight)', 'abc', 'GET GET'),
  preflight('unsafe `last-event-id` (too long)', 'a'.repeat(255), 'GET OPTIONS GET'),
  preflight('unsafe `last-event-id` (unsafe characters)', 'e5p3n<3k0k0s', 'GET OPTIONS GET'),
  {
    name: 'eventsource-eventtarget',
    async run({ open, answer }) {
      const source = open(answer({ stays: true }))
      await new Promise<void>((resolve, reject) => {
        source.addEventListener(
          'message',
          function (this: EventSource, event) {
            try {
              same(
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
    async run({ open, answer }) {
      const source = open(answer({ stays: true }))
      const event = await new Promise<MessageEvent>((resolve) => (source.onmessage = resolve))
      same(
        [event.data, event.type, event.lastEventId, event.origin],
        ['data', 'message', '', new URL(source.url).origin],
      )
      same([event.bubbles, event.cancelable, event.source, event.ports.length], [false, false, null, 0])
      same([event instanceof MessageEvent, event.constructor.name], [true, 'MessageEvent'])
    },
  },
  {
    name: 'eventsource-onmessage-trusted',
    async run({ open, answer }) {
      same((await next(open(answer({ stays: true })), 'message')).isTrusted, true)
    },
  },
  {
    name: 'eventsource-onopen',
    async run({ open, answer }) {
      const source = open(answer({ stays: true }))
      const event = await new Promise<Event>((resolve) => (source.onopen = resolve))
      same(
        [source.readyState, Object.hasOwn(event, 'data'), event.bubbles, event.cancelable],
        [OPEN, false, false, false],
      )
    },
  },
  {
    name: 'eventsource-prototype',
    run({ EventSource, open, answer }) {
      Object.assign(EventSource.prototype, { returnTrue: () => true })
      same((open(answer()) as EventSource & { returnTrue(): boolean }).returnTrue(), true)
      Reflect.deleteProperty(EventSource.prototype, 'returnTrue')
    },
  },
  {
    name: 'eventsource-reconnect: 200',
    async run({ open, answer }) {
      same(await messages(open(answer({ body: 'retry: 2\n\n' }, { stays: true })), 1), ['data'])
    },
  },
  {
    name: 'eventsource-reconnect: events',
    async run({ open, answer }) {
      const source = open(answer({ body: 'retry: 2\nid: 2\ndata: ok\n\n' }, { stays: true }))
      const heard: string[] = []
      source.onerror = ({ type }) => heard.push(`${type} ${source.readyState}`)
      source.addEventListener('message', ({ data }) => heard.push(data as string))
      await messages(source, 2)
      same(heard, ['ok', 'error 0', 'data'])
    },
  },
  {
    name: 'eventsource-url',
    run({ open, answer }) {
      const address = answer()
      same(open(`${address}#hash`).url, `${address}#hash`)
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
    async run({ open, answer }) {
      const source = open(answer({ body: 'retry:1\ndata:test1\n\nid:test\ndata:test2' }))
      const ids: string[] = []
      source.addEventListener('message', ({ lastEventId }) => ids.push(lastEventId))
      same(await messages(source, 2), ['test1', 'test1'])
      same(ids, ['', ''])
    },
  },
  reads('format-field-data', 'data:\n\ndata\ndata\n\ndata:test\n\n', '', '\n', 'test'),
  reads('format-field-event-empty', 'event: \ndata:data\n\n', 'data'),
  {
    name: 'format-field-event',
    async run({ open, answer }) {
      const source = open(answer({ body: 'event:test\ndata:x\n\ndata:x\n\n', stays: true }))
      const [test, [data]] = await Promise.all([next(source, 'test'), messages(source, 1)])
      same([test.data, data], ['x', 'x'])
    },
  },
  remembers('format-field-id', '1', '1'),
  remembers('format-field-id-2', '…', '…'),
  {
    name: 'format-field-id-3',
    async run({ open, answer }) {
      const body = 'id: 1\ndata: 1\n\ndata: 1\n\nid: 2\ndata: 2\n\ndata: 2\n\nid\ndata: 3\n\ndata: 3\n\n'
      const source = open(answer({ body, stays: true }))
      const ids: string[] = []
      source.addEventListener('message', ({ lastEventId }) => ids.push(lastEventId))
      await messages(source, 6)
      same(ids, ['1', '1', '2', '2', '', ''])
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
  // Fetch, "extract a MIME type": of several the last holds, but no wildcard.
  opens('two types, the last an event stream', { type: 'text/html, text/event-stream' }),
  opens('two types, the last a wildcard', { type: 'text/event-stream, */*' }),
  fails('two types, the last another one', { type: 'text/event-stream, text/html' }),
  opens('format-mime-valid-bogus', { type: 'text/event-stream;x bogus' }),
  reads('format-newlines', 'data:test\r\ndata\ndata:test\r\n\r', 'test\n\ntest'),
  reads('format-null-character', 'data:\0\n\n\n\n', '\0'),
  {
    name: 'format-utf-8',
    async run({ open, answer }) {
      const source = open(answer({ type: 'text/event-stream;charset=windows-1252', body: 'data:ok…\n\n', stays: true }))
      same(await messages(source, 1), ['ok…'])
    },
  },
  reads('request-accept', 'data: {accept}\n\n', 'text/event-stream'),
  reads('request-cache-control', 'data: {cache-control}\n\n', 'no-cache'),
  cookie('enabled', { withCredentials: true }, 'sent'),
  cookie('disabled', { withCredentials: false }, 'kept'),
  cookie('default', undefined, 'kept'),
  ...[301, 302, 303, 307, 308].map((status): Case => ({
    name: `request-redirect: ${status}`,
    async run({ open, answer }) {
      const source = open(answer({ status, headers: { location: '/answer?key=redirected' } }))
      await Promise.race([next(source, 'open'), never(source, 'error')])
      same(source.readyState, OPEN)
    },
  })),
  // 204 and 205 have no body, about whose end server and browser may disagree.
  ...[204, 205].map((status) =>
    fails(`request-status-error: ${status}`, { status, body: [], headers: { connection: 'close' } }),
  ),
  ...[210, 299, 404, 410, 503].map((status) => fails(`request-status-error: ${status}`, { status })),
  {
    name: '[F35] a handler that throws is reported, and the events go on',
    realms: web,
    async run({ open, answer }) {
      const source = open(answer({ body: 'data: 1\n\ndata: 2\n\n', stays: true }))
      const reported = new Promise<void>((resolve) =>
        globalThis.addEventListener('error', (event) => {
          if (!event.message.includes('of the handler')) return
          event.preventDefault()
          resolve()
        }),
      )
      source.onmessage = () => {
        throw new Error('of the handler')
      }
      same(await messages(source, 2), ['1', '2'])
      await reported
      same(source.readyState, OPEN)
    },
  },
  {
    name: '[spec] microtasks run between the events of one chunk',
    async run({ open, answer }) {
      const source = open(answer({ body: 'data: 1\n\ndata: 2\n\n', stays: true }))
      const heard: string[] = []
      source.onmessage = ({ data }) => {
        heard.push(data as string)
        void Promise.resolve().then(() => heard.push('microtask'))
      }
      await messages(source, 2)
      await Promise.resolve()
      same(heard, ['1', 'microtask', '2', 'microtask'])
    },
  },
  {
    name: 'eventsource-request-cancellation',
    realms: ['window'],
    alone: true,
    async run({ open, answer }) {
      const source = open(answer({ body: ': quiet\n\n', stays: true }))
      await next(source, 'open')
      const failed = next(source, 'error')
      window.stop()
      await failed
      same(source.readyState, CLOSED)
    },
  },
]
