/** What the tabs of one stream say to each other. Neither credentials nor queries of addresses are among it. */
import type { Batch } from '../connect/connect.ts'
import type { Block } from '../sse/parse.ts'

/** The head of the answer that the leader got, as far as it may be shown. */
export interface SharedResponse {
  status: number
  /** Without its query, which may hold secrets. */
  url: string
  headers: [name: string, value: string][]
}

/** From whoever does not lead. */
export type FollowerMessage =
  /** Wants all that comes after `cursor`; `open`: it has had its answer, and needs no greeting. */
  | { type: 'join'; from: string; cursor: string; hasResponse: boolean }
  /** Its consumer has taken so many bytes. */
  | { type: 'ack'; from: string; bytes: number }
  /** Is there anybody? */
  | { type: 'ping' }

/** From the leader. An epoch is one leader's time; those of a lower one are of a leader that has been replaced. */
export type LeaderMessage = { epoch: number } &
  /** Begins its time, or is still there. */
  (
    | { type: 'leader-alive'; sequence: number }
    /**
     * `blocks` are what came after `cursor`, up to batch number `sequence`. `base`: what comes before the first of them;
     * `since`: how long the leader's tab could have led.
     * Without blocks it is still a sign of life: `bytes` are never 0.
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
    /** The leader does not have what comes after that cursor. */
    | { type: 'cursor-unknown'; to: string }
    | { type: 'batch'; sequence: number; batch: Batch }
    /** The connection is over; with an `answer` it was refused. `problem` is what that says, or what has broken; without one it ended. */
    | { type: 'end'; response?: SharedResponse; problem?: string }
  )

export type ShareMessage = FollowerMessage | LeaderMessage

/** As much of a `BroadcastChannel` as is used. */
export interface ShareChannel {
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void
  postMessage(message: unknown): void
  close(): void
}

/** Headers of an answer that other tabs are shown: what their judgement needs, and no secrets. */
const SHARED_HEADERS = /^(content-type|retry-after)$/

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
