/** Timeouts and buffer limits of shared streams. */

/** Milliseconds between a member's checks for messages from the leader. */
export const CHECK_INTERVAL_MS = 1_000
/** Number of checks without a message from the leader after which the lock is stolen: 3 to 4 s of silence. */
export const MAX_MISSED_CHECKS = 4
/** Unacknowledged bytes of a follower at which the leader stops reading on its behalf. */
export const FOLLOWER_WINDOW_BYTES = 0x40000
/** Number of buffered bytes above which the tab of a slow consumer is detached from the shared connection. */
export const MAX_INBOX_BYTES = 0x100000
/** Milliseconds for which a leader keeps the lock after sending `end`, so that all followers receive `end` first. */
export const RELEASE_DELAY_MS = 100
/** Milliseconds within which a member that continues the stream must have connected. */
export const TAKEOVER_TIMEOUT_MS = 10_000
