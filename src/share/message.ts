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

/** A batch, and the connection to the server that it comes from. */
export interface UpstreamBatch extends Batch {
  /** Differs from that of the batch before if another connection begins. */
  connectionId: string
}

/** A position in what a leader sends: after the batch with this number in its epoch. */
export interface Position {
  epoch: number
  sequence: number
}

/** Where a member is in the stream. */
export interface MemberPosition {
  /** Its last event ID. */
  cursor: string
  /** The last batch that it has received from a leader; absent if it has received others since. */
  position: Position | undefined
  /** The event that had the ID `cursor`, if the server is not native and the member still has it. */
  cursorEvent: Block | undefined
  /** Whether it already has a response, and so has received all events up to its position. */
  hasResponse: boolean
}

/** Requests all blocks after the position of a member. */
export interface JoinMessage extends MemberPosition {
  type: 'join'
  from: string
  /** Number of batches that the member has received; the snapshot repeats it. */
  received: number
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
  /** The value of the leader's tab. */
  eligibleSince: number
  response: SharedResponse
  /** What the member has missed, from one or more connections to the server; at least one batch. */
  batches: UpstreamBatch[]
  /** Whether the server was seen to use an ID twice. */
  idsRepeat: boolean
}

/** The answer to a `join` message, up to batch number `sequence`. */
export interface SnapshotMessage extends Snapshot {
  to: string
  sequence: number
  /** The value in the `join` message. A member that has received more since does not need all blocks. */
  received: number
}

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
  /** The leader has just taken over, has connected, has lost its rank, or answers a `ping`. */
  (
    | { type: 'leader-alive'; sequence: number; eligibleSince: number }
    | ({ type: 'snapshot' } & SnapshotMessage)
    /** The leader does not have all blocks after the position in the `join` message. */
    | { type: 'position-unknown'; to: string }
    /** One batch from the leader's connection, numbered from 1 in each epoch. */
    | { type: 'batch'; sequence: number; batch: UpstreamBatch }
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
