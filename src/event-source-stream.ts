/** What an `EventSource` runs on: the engine's connections, told as the tasks that the standard queues. */
import { systemClock } from './base/clock.ts'
import { StreamError } from './base/errors.ts'
import { guard } from './base/report.ts'
import { fetchConnect } from './connect/fetch.ts'
import { createTaskSource } from './event-source/task-source.ts'
import type { EventSourceOptions } from './event-source-options.ts'
import { isEventStream } from './source/judge.ts'
import { type Source, createSource } from './source/source.ts'
import { createWatchdog } from './source/watchdog.ts'
import { createParser } from './wire/parse.ts'

/** [spec] `EventSource.readyState`. */
export const CONNECTING = 0
export const OPEN = 1
export const CLOSED = 2

/** Opens the stream at once; `fire` is called in a task for each event. */
export function openEventStream(
  url: URL,
  options: EventSourceOptions,
  getState: () => number,
  fire: (event: Event, readyState: number) => void,
): Source {
  const { headers, body = null, retry, fetch, onError, lastEventId } = options
  const { clock = systemClock, connectTimeout = Infinity, maxEventSize = 0x1000000 } = options
  const method = (options.method ?? 'GET').toUpperCase()
  const name = `${method} ${url.origin}${url.pathname}`
  const nextTask = createTaskSource()
  let tasks = Promise.resolve()
  // [spec] "an implementation-defined value, probably in the region of a few seconds"
  let reconnectionTime = 3_000
  let origin: string

  /** [spec] "Queue a task which, if the `readyState` attribute is set to a value other than `CLOSED`, …" */
  const queueTask = (steps: () => void): void => {
    tasks = tasks.then(nextTask).then(() => {
      if (getState() !== CLOSED) steps()
    })
  }
  const enter = (readyState: number, type: string, error?: StreamError): void => {
    if (error) queueTask(() => guard(onError, error))
    queueTask(() => fire(new Event(type), readyState))
  }

  const source = createSource(
    {
      ...options,
      clock,
      connectTimeout,
      watch: createWatchdog,
      connect: fetchConnect(fetch, (parser) =>
        createParser({
          ...parser,
          // [spec] "set the event stream's reconnection time to that integer", but never to a loop without a pause.
          onRetry: (ms) => (reconnectionTime = Math.max(100, ms)),
        }),
      ),
    },
    {
      name,
      async request({ signal, ...context }, id) {
        // [spec] "Wait until the aforementioned task has run."
        await tasks
        // [spec] "unless the user agent knows that to be futile, in which case the user agent may fail the connection"
        if (!/^(https?|data|blob):$/.test(url.protocol) || url.username || url.password) throw new StreamError('network', `No request: ${name}`)
        const sent = new Headers(typeof headers === 'function' ? await headers({ signal, ...context }) : headers)
        if (!sent.has('accept')) sent.set('accept', 'text/event-stream')
        return {
          url: url.href,
          method,
          headers: [...sent],
          credentials: [],
          lastEventId: id,
          init: { ...options, body, credentials: options.withCredentials ? 'include' : 'same-origin' } as RequestInit,
          maxEventSize,
          signal,
        }
      },
      // [spec] "if res's status is not 200, or if res's `Content-Type` is not `text/event-stream`, then fail the connection"
      async judge({ status, headers }) {
        const type = headers.get('content-type') ?? ''
        if (status !== 200) throw new StreamError('http', `Status ${status}: ${name}`, { status, headers })
        if (!isEventStream(type)) throw new StreamError('content-type', `Not an event stream but "${type}": ${name}`, { status })
      },
      retry(error, attempt) {
        if (retry) return retry({ error, attempt, delay: reconnectionTime }) ?? error
        return error.retryable && method === 'GET' && retry !== false ? reconnectionTime : error
      },
      opened(connection) {
        // [spec] "the serialization of the origin of the event stream's final URL (i.e., the URL after redirects)"
        origin = new URL(connection.url).origin
        // [spec] "Announce the connection": "sets the readyState attribute to OPEN and fires an event named open"
        enter(OPEN, 'open')
      },
      // [spec] "Dispatch the event", steps 4 to 8
      event: ({ type, data, id }) => queueTask(() => fire(new MessageEvent(type, { data, origin, lastEventId: id }), OPEN)),
      flush: () => tasks,
      ended: () => new StreamError('network', `Ended: ${name}`, { retryable: true }),
      changed({ status, error }) {
        // [spec] "Reestablish the connection": "Set the readyState attribute to CONNECTING. Fire an event named error"
        if (status === 'waiting') enter(CONNECTING, 'error', error)
      },
      // [spec] "Fail the connection": "sets the readyState attribute to CLOSED and fires an event named error"
      settled: (error) => enter(CLOSED, 'error', error),
    },
    lastEventId,
  )
  source.start()
  return source
}
