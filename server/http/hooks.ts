/** The seam for a server that is built on this one, as the mock server is. The package does not export it. */
import type { Source } from '../stream/sink.ts'
import type { View } from '../stream/view.ts'
import type { Identity } from './identity.ts'

/** Where a reader begins: after `position`, and why this is not the requested position. */
export interface Position {
  readonly position: number
  readonly nonce: string
  readonly reset?: 'expired' | 'unknown'
}

/** What differs for one request. */
export interface Interception {
  /** Interval of heartbeats in milliseconds, 0 for none. @defaultValue that of the server */
  readonly heartbeat?: number | undefined
  /** Which events the reader receives, and in which form. @defaultValue what the endpoint sends */
  readonly view?: View | undefined
  /** Returns the `resume` address of a run that the request starts. @defaultValue `?run=` and its ID */
  readonly resume?: ((id: string) => string) | undefined
  /** Moves the beginning of a reader; `stream` is its name in the log. @defaultValue where the request asks for */
  readonly begin?: ((stream: string, from: Position) => Position) | undefined
}

/** A response that lasts: that of a reader, or of a channel. */
export interface Connection {
  readonly kind: 'feed' | 'run' | 'channel'
  /** Name of the feed, or ID of the run or the channel. */
  readonly stream: string
  readonly request: Request
  readonly identity: Identity
  /** ID of the client in the `connected` event of a feed. */
  readonly clientId?: string
  /** Returns the number of open streams of a channel. */
  readonly countStreams?: () => number
}

/** On whose behalf a channel makes the request of a stream. */
export interface Carrier {
  /** ID of the channel. */
  readonly channel: string
  readonly identity: Identity
}

/** Every hook is optional. */
export interface Hooks {
  /** Called before a request opens a connection. */
  readonly intercept?: (request: Request) => Interception
  /** Called before a channel passes the request of a stream to its handler. */
  readonly carry?: (request: Request, by: Carrier) => void
  /** Returns which request headers of its own a stream may bring. @defaultValue those of the channel's options */
  readonly allowHeaders?: (own: Headers) => readonly string[]
  /** Wraps whatever a connection gets its bytes from. */
  readonly shape?: (source: Source, connection: Connection) => Source
}
