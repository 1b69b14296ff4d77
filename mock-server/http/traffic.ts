/** Traffic figures of a connection, counted by its transport and inspected by tests and pages. */

/** Live traffic figures of a connection. Byte counts cover only the response body. */
export interface Traffic {
  /** What the connection is used for. */
  readonly kind: 'feed' | 'run' | 'channel' | 'other'
  /** Path of the request that opened the connection. */
  readonly path: string
  /** Content encoding of the body. */
  readonly encoding: 'identity' | 'gzip' | 'br'
  /** Bytes before compression. */
  readonly bytes: number
  /** Bytes written, after compression. */
  readonly sent: number
  /** Bytes written but not yet accepted by the operating system, because the client does not read. */
  readonly buffered: number
  /** Number of open streams: any number on a channel, otherwise 1. */
  readonly streams: number
}

/** Traffic figures, writable for the transport that counts them. */
export type MutableTraffic = { -readonly [Name in keyof Traffic]: Traffic[Name] }

/** Creates the figures for a new connection. */
export function createTraffic(): MutableTraffic {
  return { kind: 'other', path: '', encoding: 'identity', bytes: 0, sent: 0, buffered: 0, streams: 1 }
}
