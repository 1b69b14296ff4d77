/** How long is waited for others, and how much is held for them. */

/** How often whoever does not lead looks about (milliseconds). */
export const BEAT = 1_000
/** Looks without a sign of the leader until it is replaced: 3 to 4 s of silence. */
export const PATIENCE = 4
/** Bytes that may be on their way to one follower before it has acknowledged some. */
export const WINDOW = 0x40000
/** Bytes that are held for a slow consumer before it is left behind. */
export const HOLD = 0x100000
/** How long messages may take (milliseconds). */
export const COURTESY = 100
/** How long a new leader may take to connect (milliseconds). */
export const TAKEOVER = 10_000
