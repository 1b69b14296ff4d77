/** The two sides of a stream's response: the reader, and the connection that its bytes go to. */
import type { CloseReason } from '../base/instrument.ts'

/** Why a connection is closed at once. `too-large`: what comes next is larger than it can carry. */
export type CutReason = CloseReason | 'too-large'

/** A connection, as a reader sees it. */
export interface Sink {
  /** Writes whole blocks. Returns whether the connection takes more; after `false`, it calls `drained` once it does. */
  write(bytes: Uint8Array): boolean
  /** Ends the response after everything that was written. */
  end(reason?: CloseReason): void
  /** Closes the connection at once, without sending what it still holds. */
  cut(reason?: CutReason): void
}

/** A reader, as a connection sees it. */
export interface Source {
  /** Starts to write. Called once. */
  start(sink: Sink): void
  /** Says that the connection takes more. */
  drained(): void
  /** Says that the connection has taken a part of what was written, and may yet take long for the rest. */
  progressed?(): void
  /** Says that the client has left. Nothing is written afterwards. */
  leave(): void
}
