/** The connection of an `EventSource`: runs attempts, and queues the tasks that the standard requires. */
import { systemClock } from '../base/clock.ts'
import { checkDelay } from '../base/delay.ts'
import { StreamError } from '../base/errors.ts'
import { callSafely } from '../base/report-error.ts'
import { formatRequestLabel, retryableError } from '../base/request-error.ts'
import { fetchConnectWithParser } from '../connect/fetch.ts'
import { Attempt, STABLE_AFTER_MS } from '../source/attempt.ts'
import { isEventStream, httpError } from '../source/check-response.ts'
import { createWatchdog } from '../source/watchdog.ts'
import { DEFAULT_MAX_EVENT_CHARS, createBlockParser } from '../sse/parse.ts'
import type { EventSourceOptions } from './options.ts'
import { createTaskSource } from './task-source.ts'

/** [spec] `EventSource.readyState`. */
export const CONNECTING = 0
export const OPEN = 1
export const CLOSED = 2

/** Creates a `MessageEvent`, or an event with the same properties where the class is missing (React Native). */
function createMessageEvent(type: string, init: MessageEventInit<string>): Event {
  return globalThis.MessageEvent ? new MessageEvent(type, init) : Object.assign(new Event(type), init)
}

/** Opens a stream and returns a function that closes it. `fire` is called for each event, in a task of its own. */
export function openEventStream(
  url: URL,
  options: EventSourceOptions & Pick<RequestInit, 'credentials'>,
  getState: () => number,
  fire: (event: Event, readyState: number) => void,
): () => void {
  const { headers, retry, onError, clock = systemClock, maxEventSize = DEFAULT_MAX_EVENT_CHARS } = options
  const { connectTimeout = Infinity, idleTimeout = Infinity, stallTimeout = Infinity } = options
  const method = (options.method ?? 'GET').toUpperCase()
  const label = formatRequestLabel({ method, url: url.origin + url.pathname })
  const nextTask = createTaskSource()
  let { lastEventId = '' } = options
  let tasks = Promise.resolve()
  // [spec] "an implementation-defined value, probably in the region of a few seconds"
  let reconnectionTime = 3_000
  let attempt = 1
  let origin: string
  /** Stops the current attempt, or the wait for the next one. */
  let stop: () => void

  const connect = fetchConnectWithParser(
    (parser) =>
      createBlockParser({
        ...parser,
        // [spec] "set the event stream's reconnection time to that integer", but at least 100 ms, to avoid a busy loop.
        onRetry: (ms) => (reconnectionTime = Math.max(100, ms)),
      }),
    options.fetch,
  )
  /** [spec] "Queue a task which, if the `readyState` attribute is set to a value other than `CLOSED`, …" */
  const queueTask = (event: Event, readyState: number, error?: StreamError): void => {
    tasks = tasks.then(nextTask).then(() => {
      if (error && getState() !== CLOSED) callSafely(onError, error)
      if (getState() !== CLOSED) fire(event, readyState)
    })
  }
  const run = (): void => {
    let openedAt = Infinity
    const current = new Attempt(
      { connect, clock, connectTimeout },
      {
        label,
        startWatchdog: (onSilence) => createWatchdog(clock, idleTimeout, stallTimeout, onSilence),
        async request(signal) {
          // [spec] "Wait until the aforementioned task has run."
          await tasks
          // [spec] "unless the user agent knows that to be futile, in which case the user agent may fail the connection"
          const isFutile = !/^(https?|data|blob):$/.test(url.protocol) || url.username || url.password
          if (isFutile) throw new StreamError('network', `Unsupported URL: ${label}`)
          const context = { reason: 'connect', attempt, signal } as const
          const requestHeaders = new Headers(typeof headers === 'function' ? await headers(context) : headers)
          if (!requestHeaders.has('accept')) requestHeaders.set('accept', 'text/event-stream')
          return {
            url: url.href,
            method,
            headers: [...requestHeaders],
            credentialHeaders: [],
            lastEventId,
            init: options as RequestInit,
            maxEventSize,
            signal,
          }
        },
        // [spec] "if res's status is not 200, or if res's `Content-Type` is not `text/event-stream`, then fail the connection"
        async checkResponse(connection) {
          if (connection.status !== 200) throw httpError(connection, label, 'http')
          const type = connection.headers.get('content-type') ?? ''
          if (!isEventStream(type))
            throw new StreamError('content-type', `Expected an event stream, received "${type}": ${label}`, {
              status: 200,
            })
        },
        onOpen(connection) {
          openedAt = clock.now()
          // [spec] "the serialization of the origin of the event stream's final URL (i.e., the URL after redirects)"
          origin = new URL(connection.url).origin
          // [spec] "Announce the connection": "sets the readyState attribute to OPEN and fires an event named open"
          queueTask(new Event('open'), OPEN)
        },
        async onBatch({ blocks }) {
          for (const { type, data, id = lastEventId } of blocks) {
            if (id !== lastEventId) attempt = 1
            lastEventId = id
            // [spec] "Dispatch the event", steps 4 to 8
            if (data !== undefined) queueTask(createMessageEvent(type, { data, origin, lastEventId: id }), OPEN)
          }
          await tasks
        },
        endOfConnection: () => retryableError('network', 'Connection ended', label),
        onEnd(error) {
          if (getState() === CLOSED) return
          if (clock.now() - openedAt >= STABLE_AFTER_MS) attempt = 1
          reconnect(error as StreamError)
        },
      },
    )
    stop = () => current.stop()
    current.start()
  }
  /** Waits for the next attempt, or ends the stream, as `retry` or the standard decides. */
  const reconnect = (error: StreamError): void => {
    const isRetried = error?.retryable && method === 'GET' && retry !== false
    const defaultDelay = isRetried ? reconnectionTime : undefined
    let delay = defaultDelay
    if (error && retry) {
      callSafely(
        (failure) => {
          const requestedDelay: unknown = retry(failure)
          delay = requestedDelay == null ? undefined : checkDelay(requestedDelay, defaultDelay, attempt)
        },
        { error, attempt, delay: reconnectionTime },
      )
    }
    // `retry` may have closed the stream.
    if (getState() !== CLOSED && delay !== undefined) {
      attempt++
      stop = clock.after(delay, run)
      // [spec] "Reestablish the connection": "Set the readyState attribute to CONNECTING. Fire an event named error"
      queueTask(new Event('error'), CONNECTING, error)
      // [spec] "Fail the connection": "sets the readyState attribute to CLOSED and fires an event named error"
    } else queueTask(new Event('error'), CLOSED, error)
  }
  run()
  return () => stop()
}
