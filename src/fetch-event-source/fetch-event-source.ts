/** `fetchEventSource` of @microsoft/fetch-event-source, reimplemented on top of the SDK's attempts and retries. */
import { onAbort } from '../base/abort-listeners.ts'
import { systemClock as clock } from '../base/clock.ts'
import { checkDelay } from '../base/delay.ts'
import { StreamError } from '../base/errors.ts'
import { formatRequestLabel } from '../base/request-error.ts'
import { fetchConnectWithParser } from '../connect/fetch.ts'
import { cancelBody } from '../connect/read-body.ts'
import { isResponse } from '../connect/send-request.ts'
import { Attempt, STABLE_AFTER_MS } from '../source/attempt.ts'
import { isEventStream } from '../source/check-response.ts'
import { clampDelay, retryDelay } from '../source/retry.ts'
import { type Block, DEFAULT_MAX_EVENT_CHARS, createBlockParser } from '../sse/parse.ts'

/** The content type of event streams. */
export const EventStreamContentType = 'text/event-stream'

/** An event, in the format of @microsoft/fetch-event-source. */
export interface EventSourceMessage {
  /** The event's own id; empty if it has none. */
  id: string
  /** Event name; empty if the event has no `event` field. */
  event: string
  /** The `data` lines, joined by LF. */
  data: string
  /** Reconnection time that the server sent with the event, in milliseconds. */
  retry?: number
}

/** The options of @microsoft/fetch-event-source; docs/from-fetch-event-source.md lists the differences. */
export interface FetchEventSourceInit extends RequestInit {
  /** Request headers. @defaultValue `accept: text/event-stream` */
  headers?: Record<string, string>
  /**
   * Called with each response. If it throws, the response is rejected and `onerror` is called.
   * @defaultValue accepts status 204, and status 200 with an event stream
   */
  onopen?: (response: Response) => Promise<void>
  /** Called for each event. If it throws, the connection is closed and `onerror` is called. */
  onmessage?: (ev: EventSourceMessage) => void
  /** Called when the server ends the stream. If it throws, `onerror` is called; otherwise the promise resolves. */
  onclose?: () => void
  /**
   * Called after each failure. Returns the milliseconds until the next attempt, or throws to give up with that error.
   * If it returns nothing, GET and HEAD requests are retried, and any other request fails with the error.
   */
  // oxlint-disable-next-line typescript/no-explicit-any -- the package's own type, so that existing handlers compile
  onerror?: (err: any) => number | null | undefined | void
  /** Whether to stay connected while the page is hidden. @defaultValue `false`: GET and HEAD requests pause, others stay connected */
  openWhenHidden?: boolean
  /** The `fetch` to use. @defaultValue the global `fetch` */
  fetch?: typeof fetch
}

async function defaultOnOpen({ status, headers }: Response): Promise<void> {
  if (status === 204) return
  const type = headers.get('content-type')
  if (!isEventStream(type ?? ''))
    throw new Error(`Expected content-type to be ${EventStreamContentType}, Actual: ${type}`)
  if (status !== 200) throw new Error(`Expected status to be 200, Actual: ${status}`)
}

/** Returns headers as the plain object that a custom `fetch` may expect. The case of the names is kept where possible. */
function collectHeaders(headers: HeadersInit | undefined, request: Request | undefined): Record<string, string> {
  if (!request && !(Symbol.iterator in (headers ?? []))) return { ...(headers as Record<string, string>) }
  return Object.fromEntries([...(request?.headers ?? []), ...new Headers(headers)])
}

/**
 * Reads an event stream until the server ends it, `signal` aborts, or `onerror` throws.
 * Resolves when the server ends the stream or `signal` aborts. Rejects with the error that `onerror` throws,
 * or with the failure of a request that is neither GET nor HEAD, unless `onerror` returns a delay.
 *
 * @example await fetchEventSource('/api/feed', { onmessage: ({ data }) => console.log(data), signal })
 */
export function fetchEventSource(
  input: RequestInfo,
  {
    signal,
    headers,
    onopen = defaultOnOpen,
    onmessage,
    onclose,
    onerror,
    openWhenHidden,
    fetch = globalThis.fetch,
    ...rest
  }: FetchEventSourceInit,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = typeof input === 'object' && 'clone' in input ? input : undefined
    const url = request?.url ?? (input as string | URL).toString()
    const method = (rest.method ?? request?.method ?? 'GET').toUpperCase()
    const isSafe = /^(GET|HEAD)$/.test(method)
    const document = openWhenHidden || !isSafe ? undefined : globalThis.document
    let reconnectionTime = 1_000
    let attempt = 1
    /** The current attempt, or the last one before the next; `undefined` while the page is hidden, and after the end. */
    let currentAttempt: Attempt | undefined
    let cancelWait: (() => void) | undefined

    const requestHeaders = collectHeaders(headers, request)
    let lastEventId: string | undefined
    for (const name of Object.keys(requestHeaders)) {
      if (name.toLowerCase() !== 'last-event-id') continue
      lastEventId = requestHeaders[name]
      delete requestHeaders[name]
    }
    if (!Object.keys(requestHeaders).some((name) => name.toLowerCase() === 'accept'))
      requestHeaders['accept'] = EventStreamContentType

    const fetchResponse = async (
      _url: unknown,
      { headers: attemptHeaders, signal }: RequestInit = {},
    ): Promise<Response> => {
      const id = (attemptHeaders as Headers).get('last-event-id')
      const init = {
        ...rest,
        headers: { ...requestHeaders, ...(id !== null && { 'last-event-id': id }) },
        signal: signal ?? null,
      }
      const response = await fetch(request?.clone() ?? input, init)
      try {
        // Anything else is refused by the caller.
        if (isResponse(response)) await onopen(response)
      } catch (error) {
        cancelBody(response)
        throw error
      }
      return response
    }
    const connect = fetchConnectWithParser((options) => {
      let retry: number | undefined
      return createBlockParser({
        ...options,
        defaultType: '',
        onRetry(ms) {
          retry = ms
          reconnectionTime = clampDelay(ms)
        },
        onBlock(block) {
          options.onBlock(Object.assign(block, { retry }))
          retry = undefined
        },
      })
    }, fetchResponse)
    /** Calls a callback. If it throws, the attempt fails, and the error is passed to `onerror`. */
    const callHandler = <Value>(callback: ((value: Value) => void) | undefined, value: Value): void => {
      try {
        callback?.(value)
      } catch (cause) {
        throw new StreamError('network', 'Callback failed', { cause, retryable: true })
      }
    }

    const run = (): void => {
      let openedAt = Infinity
      const current = new Attempt(
        { clock, connectTimeout: Infinity, connect },
        {
          label: formatRequestLabel({ method, url }),
          request: async (signal) => ({
            url,
            method,
            headers: [],
            credentialHeaders: [],
            lastEventId,
            maxEventSize: DEFAULT_MAX_EVENT_CHARS,
            signal,
          }),
          // `onopen` has checked it.
          checkResponse: async () => {},
          onOpen: () => void (openedAt = clock.now()),
          onBatch({ blocks }) {
            for (const { type, data, id, retry } of blocks as (Block & { retry: number })[]) {
              if (currentAttempt !== current) break
              if (id !== undefined && id !== lastEventId) attempt = 1
              // An event whose handler throws counts as received.
              lastEventId = id ?? lastEventId
              if (data !== undefined) callHandler(onmessage, { data, event: type, id: id ?? '', retry })
            }
          },
          onEnd(failure) {
            let error = failure as StreamError | undefined
            try {
              if (!error) callHandler(onclose, undefined)
            } catch (thrown) {
              error = thrown as StreamError
            }
            if (error) return retry(error, openedAt)
            dispose()
            resolve()
          },
        },
      )
      currentAttempt = current
      current.start()
    }
    const retry = (error: StreamError, openedAt: number): void => {
      const cause = 'cause' in error ? error.cause : error
      if (clock.now() - openedAt >= STABLE_AFTER_MS) attempt = 1
      try {
        const requestedDelay = checkDelay(onerror?.(cause), undefined, attempt)
        // Failures of `onopen` and of other callbacks are network errors here, so they are retried.
        const backoff = { delay: reconnectionTime, shouldRetry: () => isSafe && error.code !== 'unsupported' }
        const delay = requestedDelay ?? retryDelay(backoff, error, attempt, reconnectionTime, Math.random)
        if (delay === undefined) throw cause
        attempt++
        if (currentAttempt) cancelWait = clock.after(delay, run)
      } catch (thrown) {
        dispose()
        reject(thrown)
      }
    }
    const pause = (): void => {
      cancelWait?.()
      currentAttempt?.stop()
      currentAttempt = undefined
    }
    const dispose = (): void => {
      document?.removeEventListener('visibilitychange', onVisibilityChange)
      removeAbortListener?.()
      pause()
    }
    const onVisibilityChange = (): void => {
      if (document?.hidden) pause()
      else if (!currentAttempt) {
        attempt = 1
        run()
      }
    }

    if (signal?.aborted) return resolve()
    const removeAbortListener =
      signal &&
      onAbort(signal, () => {
        dispose()
        resolve()
      })
    document?.addEventListener('visibilitychange', onVisibilityChange)
    run()
  })
}
