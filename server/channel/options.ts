/** `server.channel`: its options, and what it returns. */

/** A stream that a channel can carry: a feed or runs. */
export interface ChannelRoute {
  readonly handler: (request: Request) => Promise<Response>
}

/** Options of `server.channel`. */
export interface ChannelsOptions {
  /**
   * The feeds and runs that streams reach, by the path that the client requests; or a function from a path, without its
   * query, to one of them.
   * @example
   * ```ts
   * server.channel({ routes: { '/api/prices': prices, '/api/generate': answers } })
   * server.channel({ routes: (path) => rooms.get(path) })
   * ```
   */
  readonly routes: Readonly<Record<string, ChannelRoute>> | ((path: string) => ChannelRoute | undefined)
  /**
   * Request headers that a stream may bring of its own, besides `Accept`, `Authorization`, `Content-Type`,
   * `Idempotency-Key`, `Last-Event-ID` and `X-API-Key`. It inherits all others from the request that sends its operations.
   * A stream with one of these headers is authenticated by itself.
   * @defaultValue none
   * @example
   * ```ts
   * server.channel({ routes, headers: ['X-Tenant'] })
   * ```
   */
  readonly headers?: readonly string[]
  /**
   * Open streams of a channel; those beyond are answered with 503.
   * @defaultValue 100
   * @example
   * ```ts
   * server.channel({ routes, maxStreams: 20 })
   * ```
   */
  readonly maxStreams?: number
  /**
   * Operations in one request; requests with more are answered with 413. `limits.body` limits the bytes.
   * @defaultValue 1_000
   * @example
   * ```ts
   * server.channel({ routes, maxOperations: 200 })
   * ```
   */
  readonly maxOperations?: number
  /**
   * Bytes of the data of an event; a larger one closes its stream with 413.
   * @defaultValue 16 MiB
   * @example
   * ```ts
   * server.channel({ routes, maxEventBytes: 1024 * 1024 })
   * ```
   */
  readonly maxEventBytes?: number
}

/** The channels of a server. */
export interface Channels {
  /**
   * Handles the requests of `rivulet/multiplex`: `GET` at any path, and `POST` at the same path followed by `/ops`.
   * @example
   * ```ts
   * app.get('/api/channel', toNode(channel.handler))
   * app.post('/api/channel/ops', toNode(channel.handler))
   * ```
   */
  readonly handler: (request: Request) => Promise<Response>
}
