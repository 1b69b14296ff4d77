/** What the tabs of one stream say to each other. Neither credentials nor queries of addresses are among it. */
import type { Batch } from '../connect/connect.ts'
import type { Block } from '../sse/parse.ts'

/** The head of the answer that the leader got, as far as it may be shown. */
export interface Answer {
  status: number
  /** Without its query, which may hold secrets. */
  url: string
  headers: [name: string, value: string][]
}

/** From whoever does not lead. */
export type Call =
  /** Wants all that comes after `cursor`; `open`: it has had its answer, and needs no greeting. */
  | { type: 'join'; from: string; cursor: string; open: boolean }
  /** Its consumer has taken so many bytes. */
  | { type: 'ack'; from: string; bytes: number }
  /** Is there anybody? */
  | { type: 'ping' }

/** From the leader. An epoch is one leader's time; those of a lower one are of a leader that has been replaced. */
export type Notice = { epoch: number } &
  /** Begins its time, or is still there. */
  (
    | { type: 'lead'; sequence: number }
    /**
     * `blocks` are what came after `cursor`, up to batch number `sequence`. `base`: what comes before the first of them;
     * `since`: how long the leader's tab could have led.
     * Without blocks it is still a sign of life: `bytes` are never 0.
     */
    | {
        type: 'welcome'
        to: string
        cursor: string
        base: string | undefined
        since: number
        sequence: number
        answer: Answer
        blocks: Block[]
        bytes: number
      }
    /** The leader does not have what comes after that cursor. */
    | { type: 'miss'; to: string }
    | { type: 'batch'; sequence: number; batch: Batch }
    /** The connection is over; with an `answer` it was refused. `problem` is what that says, or what has broken; without one it ended. */
    | { type: 'end'; answer?: Answer; problem?: string }
  )

export type Message = Call | Notice

/** As much of a `BroadcastChannel` as is used. */
export interface ShareChannel {
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void
  postMessage(message: unknown): void
  close(): void
}

/** Headers of an answer that other tabs are shown: what their judgement needs, and no secrets. */
const shown = /^(content-type|retry-after)$/

export function showAnswer({ status, url, headers }: { status: number; url: string; headers: Headers }): Answer {
  return { status, url: url.split(/[?#]/)[0]!, headers: [...headers].filter(([name]) => shown.test(name)) }
}
