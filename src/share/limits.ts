/** How long is waited for others, and how much is held for them. */

/** How often whoever does not lead looks about (milliseconds). */
export const CHECK_INTERVAL_MS = 1_000
/** Looks without a sign of the leader until it is replaced: 3 to 4 s of silence. */
export const MAX_MISSED_CHECKS = 4
/** Bytes that may be on their way to one follower before it has acknowledged some. */
export const FOLLOWER_WINDOW_BYTES = 0x40000
/** Bytes that are held for a slow consumer before it is left behind. */
export const MAX_INBOX_BYTES = 0x100000
/** How long messages may take (milliseconds). */
export const RELEASE_DELAY_MS = 100
/** How long a new leader may take to connect (milliseconds). */
export const TAKEOVER_TIMEOUT_MS = 10_000
