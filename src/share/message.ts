/** The messages between the tabs of one stream. They contain neither credentials nor URL queries. */
import type { Batch } from '../connect/connect.ts'
import type { Block } from '../sse/parse.ts'

/** Status, URL and headers of the leader's response, as far as other tabs may see them. */
export interface SharedResponse {
  status: number
  /** Without its query, which may hold secrets. */
  url: string
  headers: [name: string, value: string][]
}

/** Messages from members that are not the leader. */
export type FollowerMessage =
  /** Requests all blocks after `cursor`. `hasResponse`: this member has its response, so it needs no `connected` event. */
  | { type: 'join'; from: string; cursor: string; hasResponse: boolean }
  /** The consumer has read `bytes`. */
  | { type: 'ack'; from: string; bytes: number }
  /** Asks the leader for `leader-alive`. */
  | { type: 'ping' }

/** Messages from the leader. Each leader has a higher epoch than the one before; lower epochs are of a replaced leader. */
export type LeaderMessage = { epoch: number } &
  /** The leader has just taken over, has connected, or answers a `ping`. */
  (
    | { type: 'leader-alive'; sequence: number }
    /**
     * `blocks` follow `cursor`, up to batch number `sequence`. `baseCursor` is the replay buffer's position before the first
     * of them; `eligibleSince` is that of the leader's tab. `bytes` is never 0: a snapshot without blocks is still activity.
     */
    | {
        type: 'snapshot'
        to: string
        cursor: string
        baseCursor: string | undefined
        eligibleSince: number
        sequence: number
        response: SharedResponse
        blocks: Block[]
        bytes: number
      }
    /** The leader no longer has the blocks after the cursor of the `join`. */
    | { type: 'cursor-unknown'; to: string }
    /** One batch of the leader's connection, numbered from 1 in each epoch. */
    | { type: 'batch'; sequence: number; batch: Batch }
    /**
     * The connection has ended. With `response` it was rejected, and `problem` is the text of that response; without it,
     * `problem` is the error message, or absent after a clean end.
     */
    | { type: 'end'; response?: SharedResponse; problem?: string }
  )

export type ShareMessage = FollowerMessage | LeaderMessage

/** The part of `BroadcastChannel` that is used. */
export interface ShareChannel {
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void
  postMessage(message: unknown): void
  close(): void
}

/** Response headers that other tabs need to check the response and to schedule retries; others may contain secrets. */
const SHARED_HEADERS = /^(content-type|retry-after)$/

/** Returns what other tabs may see of a response. */
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
