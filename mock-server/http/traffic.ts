/** What one connection carries: figures that its face counts, and that tests and pages look at. */

/** Figures of a connection, as of now. Bytes are those of the body. */
export interface Traffic {
  /** What it was opened for. */
  readonly kind: 'feed' | 'run' | 'channel' | 'other'
  /** The path that was asked for. */
  readonly path: string
  readonly encoding: 'identity' | 'gzip' | 'br'
  /** Bytes before compression. */
  readonly bytes: number
  /** Bytes after compression, as they were written. */
  readonly sent: number
  /** Bytes that were written, but that the system has not taken yet: the client does not read. */
  readonly buffered: number
  /** Streams on it now: of a channel any number, of any other one. */
  readonly streams: number
}

/** The same, as its face counts. */
export type MutableTraffic = { -readonly [Name in keyof Traffic]: Traffic[Name] }

/** Begins to count. */
export function createTraffic(): MutableTraffic {
  return { kind: 'other', path: '', encoding: 'identity', bytes: 0, sent: 0, buffered: 0, streams: 1 }
}
