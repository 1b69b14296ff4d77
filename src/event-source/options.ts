/** The options and the interface of `EventSource`. */
import type { Clock } from '../base/clock.ts'
import type { StreamError } from '../base/errors.ts'
import type { AttemptContext } from '../source/source.ts'

/** Options for `EventSource`. All but `withCredentials` go beyond the standard and are off by default. */
export interface EventSourceOptions extends Omit<RequestInit, 'headers' | 'body' | 'signal' | 'credentials'> {
  /** Whether credentials are sent to other origins, too. @defaultValue `false` */
  withCredentials?: boolean
  /** Request headers, or a function that returns them and is called for each attempt. @defaultValue `Accept: text/event-stream` */
  headers?: HeadersInit | ((context: AttemptContext) => HeadersInit | Promise<HeadersInit>)
  /** Request body. It is sent with each attempt, so it cannot be a stream. */
  body?: Exclude<BodyInit, ReadableStream> | null
  /** The `fetch` to use. @defaultValue the global `fetch`, looked up at each request */
  fetch?: typeof fetch
  /**
   * Reconnection policy: `false` disables it; a function is called after each failure and returns the milliseconds until
   * the next attempt, or `undefined` to give up. `delay` is the reconnection time: 3,000 ms, or the server's `retry` (at
   * least 100 ms). If the function throws, the error is reported and the default applies; it also applies if the value is
   * not a number of milliseconds from 0 on. After the third failure in a row without progress, the delay is at least 100 ms.
   * @defaultValue as in the standard: GET requests retry after `delay`, without limit, except after a response with another
   * status than 200 or another content type than `text/event-stream`
   */
  retry?: false | ((failure: { error: StreamError; attempt: number; delay: number }) => number | undefined)
  /** Milliseconds to wait for `headers`, and then for the response headers. @defaultValue off */
  connectTimeout?: number
  /** Milliseconds without any bytes, comments included, after which the connection fails. @defaultValue off */
  idleTimeout?: number
  /** Milliseconds without an event after which the connection fails; comments do not count as events. @defaultValue off */
  stallTimeout?: number
  /** Maximum size of one event's data, in characters (UTF-16 code units). @defaultValue 16 Mi */
  maxEventSize?: number
  /** Event ID to resume after. @defaultValue none */
  lastEventId?: string
  /** Called with the cause before each `error` event. */
  onError?(error: StreamError): void
  /** Clock for timers, to be replaced in tests. @defaultValue the platform's clock */
  clock?: Clock
}

interface EventMap {
  open: Event
  message: MessageEvent<string>
  error: Event
}

type ListenerOptions = Parameters<EventTarget['addEventListener']>[2]

/** The interface of an `EventSource`. */
export interface EventSource extends EventTarget {
  readonly url: string
  readonly withCredentials: boolean
  /** `CONNECTING`, `OPEN` or `CLOSED`. */
  readonly readyState: number
  onopen: ((this: EventSource, event: Event) => unknown) | null
  onmessage: ((this: EventSource, event: MessageEvent) => unknown) | null
  onerror: ((this: EventSource, event: Event) => unknown) | null
  /** Closes the stream. No event is fired and no request is sent afterwards. */
  close(): void
  readonly CONNECTING: 0
  readonly OPEN: 1
  readonly CLOSED: 2
  addEventListener<Type extends keyof EventMap>(
    type: Type,
    listener: (this: EventSource, event: EventMap[Type]) => unknown,
    options?: ListenerOptions,
  ): void
  addEventListener(
    type: string,
    listener: (this: EventSource, event: MessageEvent) => unknown,
    options?: ListenerOptions,
  ): void
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: ListenerOptions): void
  removeEventListener<Type extends keyof EventMap>(
    type: Type,
    listener: (this: EventSource, event: EventMap[Type]) => unknown,
    options?: boolean | EventListenerOptions,
  ): void
  removeEventListener(
    type: string,
    listener: (this: EventSource, event: MessageEvent) => unknown,
    options?: boolean | EventListenerOptions,
  ): void
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void
}
