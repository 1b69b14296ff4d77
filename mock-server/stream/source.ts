/** The interface between connections and what they read: feeds, runs and channels. */
import type { Frame } from './frame.ts'

/** A pull-based reader of frames: nothing is queued for a client that does not read. */
export interface Source {
  /** Returns the next frame, or `undefined` if none is available now. */
  take(): Frame | undefined
  /**
   * - `open`: `take` may return more frames, now or later
   * - `ended`: complete; the response ends cleanly
   * - `expired`: the reader's token has expired; the response ends cleanly
   * - `cut`: the connection must be cut, because it was dropped or its reader fell too far behind
   */
  readonly state: 'open' | 'ended' | 'expired' | 'cut'
  /** Calls `onUpdate` when `take` or `state` may have changed; returns a function that stops watching. */
  watch(onUpdate: () => void): () => void
  /** Whether it sends heartbeats and ends with its token by itself, as the readers of the server do. */
  readonly keepsTime?: boolean
  /** Asks for more; called when every frame that was taken has been written. */
  pull?(): void
  /** Discards all frames from now on; they count as written. */
  discard?(): void
  /** Releases the source; called once, when the reader has left. */
  close(): void
}
