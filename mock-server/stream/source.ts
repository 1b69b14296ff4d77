/** Where a connection's frames come from: the seam between feeds and runs on one side and connections on the other. */
import type { Frame } from './frame.ts'

/** A reader of a log. It is pulled: what the client does not take stays in the log, and nothing is queued for it. */
export interface Source {
  /** The next frame, if there is one now. */
  take(): Frame | undefined
  /**
   * - `open`: `take` may have more, now or later
   * - `ended`: nothing comes any more, a clean end
   * - `expired`: a clean end as well, because the token of its reader has expired
   * - `cut`: the connection is to be cut: it was dropped, or its reader was too slow and its position is gone
   */
  readonly state: 'open' | 'ended' | 'expired' | 'cut'
  /** `wake` is called when `take` or `state` may have changed. */
  watch(onUpdate: () => void): () => void
  /** What goes out with a heartbeat, beside the comment. */
  heartbeatFrame?(): Frame | undefined
  /** The reader has left; called once. */
  close(): void
}
