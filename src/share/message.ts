/** The messages between the tabs of one stream. They contain neither credentials nor URL queries. */
import type { Batch } from '../connect/connect.ts'
import type { Block } from '../sse/parse.ts'

/** The parts of the leader's response that other tabs may see. */
export interface SharedResponse {
  status: number
  /** URL without the query, which may contain secrets. */
  url: string
  headers: [name: string, value: string][]
}

/** Requests all blocks after `cursor`. */
export interface JoinMessage {
  type: 'join'
  from: string
  cursor: string
  /** Whether this member already has a response, so that it needs no `connected` event. */
  hasResponse: boolean
}

/** Messages from members that are not the leader. */
export type FollowerMessage =
  | JoinMessage
  /** The member's consumer has read `bytes` more bytes. */
  | { type: 'ack'; from: string; bytes: number }
  /** Asks the leader for `leader-alive`. */
  | { type: 'ping' }

/** What a member needs in order to follow the leader. */
export interface Snapshot {
  /** The `cursor` of the `join` message: the blocks follow it. */
  cursor: string
  /** The replay buffer's position before the first block. */
  baseCursor: string | undefined
  /** The value of the leader's tab. */
  eligibleSince: number
  response: SharedResponse
  blocks: Block[]
  /** Number of characters; never 0, so that even a snapshot without blocks counts as activity. */
  bytes: number
}

/** The answer to a `join` message: all blocks up to batch number `sequence`. */
export type SnapshotMessage = Snapshot & { to: string; sequence: number }

/**
 * How the leader's connection has ended. With `response` it was rejected, and `problem` is the text of that response;
 * without `response`, `problem` is the error message, or absent after a clean end.
 */
export interface EndMessage {
  response?: SharedResponse
  problem?: string
}

/**
 * Messages from the leader. Each leader has a higher epoch than its predecessor; a message with a lower epoch comes
 * from a replaced leader.
 */
export type LeaderMessage = { epoch: number } &
  /** The leader has just taken over, has connected, or answers a `ping`. */
  (
    | { type: 'leader-alive'; sequence: number }
    | ({ type: 'snapshot' } & SnapshotMessage)
    /** The leader no longer has the blocks after the cursor in the `join` message. */
    | { type: 'cursor-unknown'; to: string }
    /** One batch from the leader's connection, numbered from 1 in each epoch. */
    | { type: 'batch'; sequence: number; batch: Batch }
    | ({ type: 'end' } & EndMessage)
  )

export type ShareMessage = FollowerMessage | LeaderMessage

/** The part of `BroadcastChannel` that is used. */
export interface ShareChannel {
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void
  postMessage(message: unknown): void
  close(): void
}

/**
 * Response headers that other tabs need to check the response and to schedule retries; other headers may contain
 * secrets.
 */
const SHARED_HEADERS = /^(content-type|retry-after)$/

/** Returns the parts of a response that other tabs may see. */
export function toSharedResponse({
  status,
  url,
  headers,
}: {
  status: number
  url: string
  headers: Headers
}): SharedResponse {
  return { status, url: url.split(/[?#]/)[0]!, headers: [...headers].filter(([name]) => SHARED_HEADERS.test(name)) }
}
