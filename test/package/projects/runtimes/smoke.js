/** Checks that the packed package works in a runtime. Plain JavaScript, because each runtime loads this file itself. */
import { StreamError, apiKey, bearer, createClient, fetchConnect, stream, subscribe } from 'rivulet'
import { aiSdk } from 'rivulet/ai-sdk'
import { anthropic } from 'rivulet/anthropic'
import { diagnose } from 'rivulet/diagnostics'
import { EventSource } from 'rivulet/event-source'
import { fetchEventSource } from 'rivulet/fetch-event-source'
import { gemini } from 'rivulet/gemini'
import { createMock } from 'rivulet/mock'
import { multiplex } from 'rivulet/multiplex'
import { openaiChat, openaiResponses } from 'rivulet/openai'
import { EventStreamDecoderStream, createParser, encodeEvent, parseEventStream } from 'rivulet/parser'
import { partialJson } from 'rivulet/partial-json'
import { persist } from 'rivulet/persist'
import { createServer, memoryLog } from 'rivulet/server'
import { shareAcrossTabs } from 'rivulet/share'

const retry = { delay: 1 }
/** Globals without which a `fetch` cannot stream. */
const streaming = ['ReadableStream', 'Response']
/** Globals that servers in process need. */
const serving = [...streaming, 'Request', 'TextEncoder', 'TextDecoder', 'crypto']

/** Throws unless both values are the same JSON. */
function equal(actual, expected) {
  const [one, other] = [JSON.stringify(actual), JSON.stringify(expected)]
  if (one !== other) throw new Error(`expected ${other}, got ${one}`)
}

const describeError = ({ code, status, body }) => ({ code, status, body })

/** The three events of the server's feed. */
const feedEvents = [1, 2, 3].map((n) => [n, `日本 é ${n}`])

async function readText(run) {
  let text = ''
  for await (const { content } of run) text += content
  return text
}

/**
 * The checks: a name, the globals that it needs, and a function that throws if the runtime fails. Each gets the URL of
 * `startPlatformServer()`.
 */
const checks = [
  [
    'every entry exports its functions',
    [],
    () => {
      const entries = { aiSdk, anthropic, gemini, openaiChat, openaiResponses, subscribe, stream, fetchEventSource }
      for (const [name, value] of Object.entries(entries)) equal([name, typeof value], [name, 'function'])
    },
  ],
  [
    'invalid options are refused with a TypeError',
    [],
    () => {
      let error
      try {
        createClient({ baseUrl: 'http://a.test' }).subscribe('/feed', { idleTimeout: NaN })
      } catch (thrown) {
        error = thrown
      }
      equal([error instanceof TypeError, /idleTimeout/.test(error?.message)], [true, true])
    },
  ],
  [
    'createParser reads events that arrive in pieces',
    [],
    () => {
      const events = []
      const parser = createParser({ onEvent: ({ type, data, id }) => events.push([type, data, id]) })
      for (const character of encodeEvent({ type: 'tick', data: '日本\nb', id: '7' })) parser.push(character)
      parser.end()
      equal(events, [['tick', '日本\nb', '7']])
    },
  ],
  [
    'createParser reads bytes',
    ['TextEncoder', 'TextDecoder'],
    () => {
      const events = []
      const parser = createParser({ onEvent: ({ data }) => events.push(data) })
      for (const byte of new TextEncoder().encode('data: 日本 👍\n\n')) parser.push(Uint8Array.of(byte))
      parser.end()
      equal(events, ['日本 👍'])
    },
  ],
  [
    'partialJson has a value after each piece',
    [],
    () => {
      const parser = partialJson()
      parser.push('{"a": "日')
      equal(parser.value, { a: '日' })
      parser.push('本"}')
      equal(parser.end(), { a: '日本' })
    },
  ],
  [
    'the error of a refused response has its status and its text',
    ['fetch'],
    async (url) => {
      const error = await new Promise((resolve) => {
        createClient({ baseUrl: url, retry, onError: resolve }).subscribe('/refused')
      })
      equal(error instanceof StreamError, true)
      equal(describeError(error), { code: 'http', status: 403, body: 'Only for members: 日本' })
    },
  ],
  [
    'a request that was aborted before it began rejects with the reason',
    ['AbortSignal.abort'],
    async (url) => {
      const controller = new AbortController()
      const reason = new Error('no longer needed')
      controller.abort(reason)
      const run = createClient({ baseUrl: url }).stream('/api/generate', { json: {}, signal: controller.signal })
      equal(await run.final().catch((error) => error === reason), true)
    },
  ],
  [
    'a feed resumes after its last event ID, which is not ASCII',
    streaming,
    async (url) => {
      const log = []
      const feed = createClient({ baseUrl: url, retry, onError: (error) => log.push(error.code) }).subscribe('/feed')
      feed.onAny(({ data, id }) => log.push([data, id]))
      await feed.closed
      equal(log, feedEvents)
    },
  ],
  [
    'a feed is read by a loop',
    streaming,
    async (url) => {
      const events = []
      for await (const { data, id } of subscribe(`${url}/feed`, { retry })) events.push([data, id])
      equal(events, feedEvents)
    },
  ],
  [
    'batches() yields the events of each read',
    streaming,
    async (url) => {
      const events = []
      for await (const batch of createClient({ baseUrl: url, retry }).subscribe('/feed').batches())
        events.push(...batch)
      equal(
        events.map(({ data }) => data),
        [1, 2, 3],
      )
    },
  ],
  [
    'a run that was cut resumes and completes',
    streaming,
    async (url) => {
      const run = createClient({ baseUrl: url, retry }).stream('/api/generate', { json: { prompt: '你好' } })
      const text = await readText(run)
      const { finishReason } = await run.final()
      equal([text, run.text, finishReason], ['你好，世界 🧑‍🚀', '你好，世界 🧑‍🚀', 'stop'])
    },
  ],
  [
    'close() closes the connection',
    streaming,
    async (url) => {
      const feed = createClient({ baseUrl: url, retry }).subscribe('/endless')
      await new Promise((resolve) => feed.onAny(resolve))
      feed.close()
      equal(await (await fetch(`${url}/closed`)).text(), 'closed')
    },
  ],
  [
    'a redirect to another origin gets no credential',
    streaming,
    async (url) => {
      const log = []
      for (const auth of [bearer('SECRET'), apiKey('SECRET')]) {
        const client = createClient({ baseUrl: url, retry, auth, onError: ({ code }) => log.push(code) })
        const feed = client.subscribe('/redirect')
        feed.onAny(({ data }) => {
          log.push(data)
          feed.close()
        })
        await feed.closed
      }
      // The server of this check records the headers. A page hides redirects: the second one is an error there.
      equal([log[0], ['redirected', 'redirect'].includes(log[1])], ['redirected', true])
    },
  ],
  [
    'EventSource reconnects and is closed by 204',
    [...streaming, 'EventTarget'],
    async (url) => {
      const log = []
      const source = new EventSource(`${url}/feed`, {
        retry: ({ error }) => (error.code === 'network' ? 1 : undefined),
      })
      await new Promise((resolve) => {
        source.addEventListener('message', ({ data, lastEventId }) => log.push([Number(data), lastEventId]))
        source.addEventListener('error', () => source.readyState === source.CLOSED && resolve())
      })
      equal(log, feedEvents)
    },
  ],
  [
    'fetchEventSource calls onmessage for each event',
    [...streaming, 'AbortController'],
    async (url) => {
      const log = []
      const controller = new AbortController()
      const onmessage = ({ data, id }) => {
        log.push([Number(data), id])
        if (log.length === 2) controller.abort()
      }
      await fetchEventSource(`${url}/feed`, { signal: controller.signal, openWhenHidden: true, onmessage })
      equal(log, feedEvents.slice(0, 2))
    },
  ],
  [
    'parseEventStream and EventStreamDecoderStream read a body',
    [...streaming, 'TransformStream'],
    async (url) => {
      const data = []
      for await (const event of parseEventStream((await fetch(`${url}/feed`)).body)) data.push(event.data)
      const reader = (await fetch(`${url}/feed`)).body.pipeThrough(new EventStreamDecoderStream()).getReader()
      for (let read = await reader.read(); !read.done; read = await reader.read()) data.push(read.value.data)
      equal(data, ['1', '2', '1', '2'])
    },
  ],
  [
    'a chat completion of OpenAI is read from a fetch of the application',
    streaming,
    async () => {
      const chunks = ['Hel', 'lo'].map((content) => ({ choices: [{ index: 0, delta: { content } }] }))
      const end = { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }
      const body = [...chunks, end].map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join('')
      const headers = { 'content-type': 'text/event-stream' }
      const fetch = async () => new Response(`${body}data: [DONE]\n\n`, { headers })
      const run = createClient({ baseUrl: 'http://a.test', fetch }).stream('/v1', { protocol: openaiChat(), json: {} })
      equal([await readText(run), (await run.final()).finishReason], ['Hello', 'stop'])
    },
  ],
  [
    'createMock serves a run that is cut and resumed',
    serving,
    async () => {
      const mock = createMock()
      mock.run('/api/chat', { text: '你好, world', fault: 'reset-after:4,once' })
      const run = createClient({ fetch: mock.fetch, retry }).stream('http://a.test/api/chat', { json: { prompt: 'x' } })
      equal((await run.final()).text, '你好, world')
      equal(
        mock.requests.map(({ method }) => method),
        ['POST', 'GET'],
      )
      mock.close()
    },
  ],
  [
    'persist continues a run from a storage',
    serving,
    async () => {
      const mock = createMock({ answers: ['0123456789'] })
      const stored = new Map()
      const storage = {
        getItem: (key) => stored.get(key),
        setItem: (key, value) => stored.set(key, value),
        removeItem: (key) => stored.delete(key),
      }
      const load = () => {
        const client = createClient({ baseUrl: 'http://a.test', fetch: mock.fetch, retry })
        return {
          client,
          run: client.stream('/api/generate', { json: { prompt: 'x' }, persist: persist({ key: 'run', storage }) }),
        }
      }
      const first = load()
      for await (const { index } of first.run) if (index === 1) break
      first.client.close()
      equal((await load().run.final()).text, '0123456789')
      mock.close()
    },
  ],
  [
    'multiplex carries two runs over one connection',
    serving,
    async () => {
      const mock = createMock({ answers: ['0123456789'] })
      const connect = multiplex('/api/channel', { connect: fetchConnect(mock.fetch) })
      const client = createClient({ baseUrl: 'http://a.test', connect, retry })
      const runs = [1, 2].map(() => client.stream('/api/generate', { json: { prompt: 'x' } }).final())
      equal(
        (await Promise.all(runs)).map(({ text }) => text),
        ['0123456789', '0123456789'],
      )
      client.close()
      mock.close()
    },
  ],
  [
    'share works where there is one tab, or where tabs cannot share',
    streaming,
    async (url) => {
      const connect = shareAcrossTabs({ name: `smoke ${url}` })
      const client = createClient({ baseUrl: url, connect, retry })
      const log = []
      const feed = client.subscribe('/feed')
      feed.onAny(({ data, id }) => log.push([data, id]))
      await feed.closed
      equal(log, feedEvents)
      client.close()
    },
  ],
  [
    'diagnose reports what a stream does, without secrets',
    streaming,
    async (url) => {
      const records = []
      const instrument = diagnose((record) => records.push(record))
      await subscribe(`${url}/feed?key=SECRET`, { retry, instrument, onError: () => {} }).closed
      equal(records[0].type, 'made')
      equal(JSON.stringify(records).includes('SECRET'), false)
    },
  ],
  [
    'createServer serves a feed and a run from handlers of requests',
    [...serving, 'crypto.subtle'],
    async () => {
      const server = createServer({ log: memoryLog({ shared: false }) })
      const prices = server.feed('prices')
      const answers = server.runs({
        async *generate() {
          yield 'Hel'
          yield 'lo'
        },
      })
      const handlers = { '/prices': prices.handler, '/answers': answers.handler }
      const fetch = (input, init) => {
        const request = new Request(input, init)
        return handlers[new URL(request.url).pathname](request)
      }
      const client = createClient({ baseUrl: 'http://a.test', fetch, retry })
      equal((await client.stream('/answers', { json: { prompt: 'x' } }).final()).text, 'Hello')
      const feed = client.subscribe('/prices')
      await new Promise((resolve) => feed.on('connected', resolve))
      const received = new Promise((resolve) => feed.on('price', ({ data }) => resolve(data)))
      await prices.send('price', { value: 1 })
      equal(await received, { value: 1 })
      client.close()
      await server.close()
    },
  ],
]

/** The names of all checks. */
export const checkNames = checks.map(([name]) => name)

/** Runs one check with the server at `url`. */
async function runCheck([, needs, check], url) {
  const isMissing = (path) => path.split('.').reduce((value, name) => value?.[name], globalThis) === undefined
  const missing = needs.find(isMissing)
  if (missing) return { outcome: 'skipped', reason: `no ${missing}` }
  try {
    await check(url)
    return { outcome: 'passed' }
  } catch (error) {
    const causes = []
    for (let cause = error; cause; cause = cause.cause) causes.push(String(cause.stack ?? cause))
    return { outcome: 'failed', reason: causes.join('\n') }
  }
}

/**
 * Runs the check with this number and the server at `url`. Resolves with its name and its result: `passed`, `skipped` and
 * the global that the runtime lacks, or `failed` and the error.
 */
export async function runNumbered(number, url) {
  return [checkNames[number], await runCheck(checks[number], url)]
}

/** Runs all checks, each with the server at the next of `urls`; resolves with the results by name. */
export async function runChecks(urls) {
  const results = []
  for (const [number, url] of urls.entries()) results.push(await runNumbered(number, url))
  return Object.fromEntries(results)
}
