/** What `EventSource` takes beyond the standard, and what it is to those who use it. */
import type { Clock } from '../base/clock.ts'
import type { StreamError } from '../base/errors.ts'
import type { AttemptContext } from '../source/source.ts'

/** What goes beyond the standard is off unless asked for. */
export interface EventSourceOptions extends Omit<RequestInit, 'headers' | 'body' | 'signal' | 'credentials'> {
  /** Whether cookies are sent to other origins, too. @defaultValue false */
  withCredentials?: boolean
  /** Headers for each request, or a function that is asked anew for each attempt. @defaultValue `Accept: text/event-stream` */
  headers?: HeadersInit | ((context: AttemptContext) => HeadersInit | Promise<HeadersInit>)
  /** Sent with each attempt, so it can't be a stream. */
  body?: Exclude<BodyInit, ReadableStream> | null
  /** `fetch` to use. @defaultValue the global one, looked up at each request */
  fetch?: typeof fetch
  /**
   * Reconnection. `false`: none; a function decides after each failure, by the milliseconds that it returns, or `undefined`
   * to end. `delay` is the reconnection time: 3 s, or what the server's `retry` says (100 ms or more). What it throws is
   * reported, and the default holds.
   * @defaultValue as the standard says: after `delay`, for ever, but not after an answer that is no event stream; and only GET
   */
  retry?: false | ((failure: { error: StreamError; attempt: number; delay: number }) => number | undefined)
  /** Milliseconds until the headers, and then the head of the answer, must be there. @defaultValue off */
  connectTimeout?: number
  /** Milliseconds without a byte, comments included, after which a connection counts as dead. @defaultValue off */
  idleTimeout?: number
  /** Milliseconds without an event, comments not counted. @defaultValue off */
  stallTimeout?: number
  /** Characters (UTF-16 code units, as of `length`) that the data of one event may have. @defaultValue 16 Mi */
  maxEventSize?: number
  /** Goes on after this event. @defaultValue none */
  lastEventId?: string
  /** Hears why, before each `error` event. */
  onError?(error: StreamError): void
  /** Time. @defaultValue the platform's */
  clock?: Clock
}

interface EventMap {
  open: Event
  message: MessageEvent<string>
  error: Event
}

type ListenerOptions = Parameters<EventTarget['addEventListener']>[2]

/** A source of server-sent events. */
export interface EventSource extends EventTarget {
  readonly url: string
  readonly withCredentials: boolean
  /** `CONNECTING`, `OPEN` or `CLOSED`. */
  readonly readyState: number
  onopen: ((this: EventSource, event: Event) => unknown) | null
  onmessage: ((this: EventSource, event: MessageEvent) => unknown) | null
  onerror: ((this: EventSource, event: Event) => unknown) | null
  /** Ends it: no event and no request comes after it. */
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
