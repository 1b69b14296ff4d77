/** What the tests of platforms do on each platform: feeds, a run, a refused request, redirects and an `EventSource`. */
import type { Clock } from '../../../src/base/clock.ts'
import { StreamError } from '../../../src/base/errors.ts'
import { createClient } from '../../../src/client/client.ts'
import { EventSource } from '../../../src/event-source/event-source.ts'
import { apiKey, bearer } from '../../../src/request/auth.ts'
import type { ClientOptions } from '../../../src/request/options.ts'

type Fetch = typeof fetch

/** The properties of an error that the tests check. */
interface Failure {
  code: string
  status?: number | undefined
  body?: string | undefined
}

const retry = { delay: 1 }

const describeError = (error: unknown): Failure => {
  if (!(error instanceof StreamError)) throw error
  const { code, status, body } = error
  return { code, status, body }
}

const open = (url: string, fetch?: Fetch, options?: ClientOptions) =>
  createClient({ baseUrl: url, retry, ...(fetch && { fetch }), ...options })

/** Reads a feed over three connections, until the server has responded with 204. */
async function readFeed(url: string, fetch?: Fetch): Promise<unknown[]> {
  const log: unknown[] = []
  const client = open(url, fetch, {
    onError: (error) => log.push(describeError(error)),
    onReset: ({ reason }) => log.push(reason),
  })
  const feed = client.subscribe('/feed')
  feed.onAny(({ data, id }) => log.push([data, id]))
  await feed.closed
  return log
}

/** Reads a run whose first connection is cut; resolves with its text and with the text of its deltas. */
async function readRun(url: string, fetch?: Fetch): Promise<unknown> {
  const run = open(url, fetch).stream('/api/generate', { json: { prompt: '你好' } })
  let deltas = ''
  try {
    for await (const { content } of run) deltas += content
    const { text, finishReason } = await run.final()
    return { text, deltas, finishReason }
  } catch (error) {
    return describeError(error)
  }
}

/** Opens a feed that the server refuses; resolves with the error. */
function readRefusal(url: string, fetch?: Fetch): Promise<Failure> {
  return new Promise((resolve) => {
    open(url, fetch, { onError: (error) => resolve(describeError(error)) }).subscribe('/refused')
  })
}

/** Closes an endless feed after its first event; resolves once its server has seen the end of the connection. */
async function closeFeed(url: string, fetch: Fetch = globalThis.fetch): Promise<string> {
  const feed = open(url, fetch).subscribe('/endless')
  await new Promise<void>((resolve) => {
    feed.onAny(() => resolve())
  })
  feed.close()
  return (await fetch(`${url}/closed`)).text()
}

/**
 * Opens an endless feed on a platform whose `fetch` does not resolve before the end of the response, and lets
 * `connectTimeout` pass; resolves once the server has seen the end of the connection.
 */
async function exceedConnectTimeout(url: string, fetch: Fetch = globalThis.fetch): Promise<unknown[]> {
  const log: unknown[] = []
  let elapse = (): void => {}
  const clock: Clock = {
    now: () => 0,
    after(_ms, callback) {
      elapse = callback
      return () => {}
    },
  }
  open(url, fetch, { clock, retry: false, onError: (error) => log.push(error.message) }).subscribe('/endless')
  await fetch(`${url}/opened`)
  elapse()
  log.push(await (await fetch(`${url}/closed`)).text())
  return log
}

/** Opens a feed with each kind of credential at a URL that redirects to another origin. */
async function followRedirects(url: string, fetch?: Fetch): Promise<unknown[]> {
  const log: unknown[] = []
  for (const auth of [bearer('SECRET'), apiKey('SECRET')]) {
    const client = open(url, fetch, { auth, onError: (error) => log.push(describeError(error).code) })
    const feed = client.subscribe('/redirect')
    feed.onAny(({ data }) => {
      log.push(data)
      feed.close()
    })
    await feed.closed
  }
  return log
}

/** Reads the feed with an `EventSource`; resolves with the calls of its handlers. */
function readEventSource(url: string, fetch?: Fetch): Promise<unknown[]> {
  const calls: unknown[] = []
  const source = new EventSource(`${url}/feed`, {
    ...(fetch && { fetch }),
    // As by default, but without the delay of three seconds.
    retry: ({ error }) => (error.code === 'network' ? 1 : undefined),
    onError: (error) => calls.push(error.code),
  })
  /* oxlint-disable unicorn/prefer-add-event-listener -- the handlers themselves are tested */
  return new Promise((resolve) => {
    source.onopen = () => calls.push('open')
    source.onmessage = ({ data, lastEventId }) => calls.push([data, lastEventId])
    source.onerror = () => {
      calls.push(`error, state ${source.readyState}`)
      if (source.readyState === source.CLOSED) resolve(calls)
    }
  })
}

/**
 * The functions by name. Each takes the URL of `startPlatformServer()` and the `fetch` to use, by default the platform's
 * own, and resolves with a value that can be sent as JSON.
 */
export const program = {
  readFeed,
  readRun,
  readRefusal,
  closeFeed,
  exceedConnectTimeout,
  followRedirects,
  readEventSource,
}
