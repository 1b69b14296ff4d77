/** The `fetchEventSource` of @microsoft/fetch-event-source, on the SDK's engine. */
import { systemClock as clock } from '../base/clock.ts'
import { StreamError } from '../base/errors.ts'
import { fetchConnectWithParser } from '../connect/fetch.ts'
import { STABLE_AFTER_MS, runAttempt } from '../source/attempt.ts'
import { isEventStream } from '../source/check-response.ts'
import { clampDelay, retryDelay } from '../source/retry.ts'
import { type Block, DEFAULT_MAX_EVENT_CHARS, createBlockParser } from '../sse/parse.ts'

/** The type of event streams. */
export const EventStreamContentType = 'text/event-stream'

/** An event of the stream, as @microsoft/fetch-event-source has it. */
export interface EventSourceMessage {
  /** The event's own id; empty: none. */
  id: string
  /** The event's name; empty: none. */
  event: string
  data: string
  /** The reconnection time that came with the event, in milliseconds. */
  retry?: number
}

/** The options of @microsoft/fetch-event-source; docs/from-fetch-event-source.md says what differs. */
export interface FetchEventSourceInit extends RequestInit {
  headers?: Record<string, string>
  /** Judges each answer: what it throws goes to `onerror`. @defaultValue status 200 or 204, and an event stream */
  onopen?: (response: Response) => Promise<void>
  /** Hears each event; what it throws ends the connection, and goes to `onerror`. */
  onmessage?: (ev: EventSourceMessage) => void
  /** The server has ended the stream, which is then over, unless this throws. */
  onclose?: () => void
  /**
   * Decides after each failure: a number are the milliseconds to the next attempt, a throw ends with what is thrown; nothing
   * leaves it to the default, which is another attempt of a GET or HEAD, and the end of any other request.
   */
  // oxlint-disable-next-line typescript/no-explicit-any -- as it is there, so that handlers of theirs compile
  onerror?: (err: any) => number | null | undefined | void
  /** Whether the connection stays when the page is hidden. @defaultValue false: a GET or HEAD pauses, others stay */
  openWhenHidden?: boolean
  /** @defaultValue the global one */
  fetch?: typeof fetch
}

async function defaultOnOpen({ status, headers }: Response): Promise<void> {
  if (status === 204) return
  const type = headers.get('content-type')
  if (!isEventStream(type ?? ''))
    throw new Error(`Expected content-type to be ${EventStreamContentType}, Actual: ${type}`)
  if (status !== 200) throw new Error(`Expected status to be 200, Actual: ${status}`)
}

/** Headers as the record that a `fetch` of the user's may expect, with the names as they were given. */
function collectHeaders(headers: HeadersInit | undefined, request: Request | undefined): Record<string, string> {
  if (!request && !(Symbol.iterator in (headers ?? []))) return { ...(headers as Record<string, string>) }
  return Object.fromEntries([...(request?.headers ?? []), ...new Headers(headers)])
}

/**
 * Reads an event stream until the server ends it, `signal` aborts, or `onerror` throws.
 * Resolves when it is over, also by `signal`; rejects with what `onerror` throws, and with the failure of a request that is
 * neither GET nor HEAD, unless `onerror` asks for another attempt.
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
    const isSafe = /^(get|head)$/i.test(rest.method ?? request?.method ?? 'GET')
    const document = openWhenHidden || !isSafe ? undefined : globalThis.document
    let reconnectionTime = 1_000
    let attempt = 1
    /** Of the attempt under way or awaited; none while the page is hidden, and after the end. */
    let currentAttempt: AbortController | undefined
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
        await onopen(response)
      } catch (error) {
        // Not awaited: what it rejects with is of a body that the callback has read.
        response.body?.cancel().catch(() => {})
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
    /** Calls a callback; what it throws is a failure like any other. */
    const callHandler = <Value>(callback: ((value: Value) => void) | undefined, value: Value): void => {
      try {
        callback?.(value)
      } catch (cause) {
        throw new StreamError('network', 'Failed', { cause, retryable: true })
      }
    }

    const run = async (): Promise<void> => {
      const controller = (currentAttempt = new AbortController())
      let openedAt = Infinity
      try {
        await runAttempt(
          // What `onopen` has let pass is a stream, whatever its status.
          {
            clock,
            connectTimeout: Infinity,
            connect: async (connectRequest) => ({ ...(await connect(connectRequest)), status: 200 }),
          },
          controller,
          {
            label: '',
            request: async (signal) => ({
              url: '',
              method: '',
              headers: [],
              credentialHeaders: [],
              lastEventId,
              maxEventSize: DEFAULT_MAX_EVENT_CHARS,
              signal,
            }),
            checkResponse: async () => {},
            onOpen: () => (openedAt = clock.now()),
            onBatch({ blocks }) {
              for (const { type, data, id, retry } of blocks as (Block & { retry: number })[]) {
                if (currentAttempt !== controller) break
                if (id !== undefined && id !== lastEventId) attempt = 1
                // An event whose handler throws counts as received.
                lastEventId = id ?? lastEventId
                if (data !== undefined) callHandler(onmessage, { data, event: type, id: id ?? '', retry })
              }
            },
          },
        )
        if (currentAttempt !== controller) return
        callHandler(onclose, undefined)
        dispose()
        resolve()
      } catch (error) {
        if (currentAttempt === controller) retry(error as StreamError, openedAt)
      }
    }
    const retry = (error: StreamError, openedAt: number): void => {
      const cause = 'cause' in error ? error.cause : error
      if (clock.now() - openedAt >= STABLE_AFTER_MS) attempt = 1
      try {
        const requestedDelay = onerror?.(cause)
        const backoff = { delay: reconnectionTime, shouldRetry: () => isSafe }
        const delay =
          typeof requestedDelay === 'number'
            ? requestedDelay
            : retryDelay(backoff, error, attempt, reconnectionTime, Math.random)
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
      currentAttempt?.abort()
      currentAttempt = undefined
    }
    const dispose = (): void => {
      document?.removeEventListener('visibilitychange', onVisibilityChange)
      signal?.removeEventListener('abort', onAbort)
      pause()
    }
    const onAbort = (): void => {
      dispose()
      resolve()
    }
    const onVisibilityChange = (): void => {
      if (document?.hidden) pause()
      else if (!currentAttempt) {
        attempt = 1
        void run()
      }
    }

    if (signal?.aborted) return resolve()
    signal?.addEventListener('abort', onAbort)
    document?.addEventListener('visibilitychange', onVisibilityChange)
    void run()
  })
}
