/** The storage seam: the log of every stream, for one process or for many. */

/** How much of a stream is kept. Bytes are those of the frames in UTF-8. */
export interface Retention {
  /** How many events are kept at least, if `bytes` allows it. */
  readonly events: number
  /** How many bytes of events are kept. A log that has to keep `HARD_CAP` times as many refuses further events. */
  readonly bytes: number
  /**
   * For how many milliseconds every event is kept at least, whatever the other limits say. `Infinity`, which runs use:
   * nothing is trimmed.
   */
  readonly age: number
}

/** A log refuses to keep more than so many times the bytes of `Retention`, even if all of them are younger than its age. */
export const HARD_CAP = 4

/** One event of a stream, as it is stored. */
export interface LogEvent {
  /** Place in the stream; positions count from 1 without holes. */
  readonly position: number
  /**
   * Random text that the process chose that appended the event. With the epoch and the position it makes up the ID on
   * the wire: after a failover that has lost the end of a log, a position is handed out again, and only the nonce
   * shows it.
   */
  readonly nonce: string
  /** The event in the wire format, without its `id` line and without the blank line that ends it: `data: 1\n`. */
  readonly frame: string
}

/** `open`: events may follow; `closed`: the last event is the terminal one, or the feed has ended. */
export type LogState = 'open' | 'closed'

/** Part of a stream. */
export interface Page {
  /** Random name of this log. It changes when the log starts again from nothing. */
  readonly epoch: string
  /** Position of the oldest event that is kept; `head + 1` if none is. More than `after + 1`: events are missing. */
  readonly first: number
  /** Position of the newest event; 0 before the first. */
  readonly head: number
  /** Nonce of the newest event, with which the ID of the head is made; empty before the first. */
  readonly nonce: string
  /**
   * Nonce of the event at the requested position; empty if it is not kept, or there is none. A reader that has seen another
   * nonce there has events that a failover has lost: its position was given out again, and it must not continue from it.
   */
  readonly previousNonce: string
  readonly state: LogState
  /** The events after the requested position, in order and without holes; fewer than exist if `bytes` was reached. */
  readonly events: readonly LogEvent[]
}

export interface AppendOptions {
  /** Chosen by the caller, who keeps it when an append is repeated: the events then get the same IDs. */
  readonly nonce: string
  readonly retention: Retention
  /**
   * Runs: the position of the first frame. What was appended already is skipped, so that an append can be repeated; a
   * hole is refused as a `gap`.
   */
  readonly at?: number
  /** Runs: the token of `claim`; a token that is not the newest is `fenced`. */
  readonly token?: number
  /**
   * Feeds: who sends, and the number of this append among those of the same sender, from 1. A repeated append returns
   * the position of the first one. The last 256 numbers of a sender can be repeated; an older one rejects.
   */
  readonly sender?: { readonly id: string; readonly sequence: number }
  /** Whether the last frame is the terminal event: nothing can be appended after it. */
  readonly close?: boolean
}

/**
 * `fenced`: another process produces this run now; `closed`: the stream has ended; `gap`: events before `at` are missing;
 * `gone`: the stream does not exist any more; `overloaded`: four times the kept bytes are younger than the age that
 * retention promises.
 */
export type Refusal = 'fenced' | 'closed' | 'gap' | 'gone' | 'overloaded'

export type Appended =
  /** `position` is that of the last frame. */
  | { readonly position: number; readonly epoch: string }
  /** `head` is the position of the newest event, from which a producer that has met a `gap` continues. */
  | { readonly refused: Refusal; readonly head: number }

export interface ClaimOptions {
  /** Idempotency key, with everything that limits its scope. Without it, nothing is joined. */
  readonly key?: string
  /** What the request asks for: the same key with another fingerprint is a conflict. */
  readonly fingerprint?: string
  /** Who may read the run; stored with it. */
  readonly owner: string
  /** For how many milliseconds the claim is valid without `renew`. */
  readonly lease: number
  /** For how many milliseconds the run is kept after its end or after its last reader left, whichever is later. */
  readonly keep: number
}

export type Claim =
  /** This process produces the run, and appends with `token`. `isCancelled`: its key was cancelled before. */
  | { readonly role: 'producer'; readonly token: number; readonly isCancelled: boolean }
  /** The key, or the name itself, belongs to a run that exists already. */
  | { readonly role: 'reader'; readonly stream: string }
  /** The key was used with another fingerprint. */
  | { readonly role: 'conflict' }
  /** The log keeps as many runs as it may. */
  | { readonly role: 'full' }

/** What is stored of a run beside its events. */
export interface RunRecord {
  readonly owner: string
  readonly state: LogState
  /** Whether `stop` was called. */
  readonly isStopped: boolean
  /** Number of processes that have readers of this run. */
  readonly readers: number
  /** Milliseconds since the last reader left, or since the claim if there was none; 0 while there are readers. */
  readonly unreadFor: number
}

/** Why a `tail` is woken: more events or the end of the stream; a call of `stop`; the stream was dropped. */
export type Wake = 'appended' | 'stopped' | 'dropped'

/**
 * `held`: the lease is extended; `stopped`: it is, and `stop` was called; `lost`: another process has the run, or it has
 * ended, or it does not exist any more.
 */
export type Lease = 'held' | 'stopped' | 'lost'

/**
 * Where streams are stored. Names of streams are chosen by the caller. One that begins with `run:`, as in `run:<UUID>`,
 * is a run; every other, as in `feed:prices`, is a feed.
 *
 * Every method rejects if the storage cannot be reached; none hangs. What was appended is either readable by every
 * process, or lost together with everything after it.
 */
export interface EventLog {
  /**
   * Appends frames, all of them or none. A feed exists as soon as something is appended to it or reads it; a run, from
   * its claim on.
   */
  append(stream: string, frames: readonly string[], options: AppendOptions): Promise<Appended>
  /**
   * Reads the events after position `after`, at most about `bytes` bytes, but at least one event if there is one. Resolves
   * with `undefined` if the stream is not known, for example because the storage was emptied.
   *
   * A run whose lease has expired is ended first: with an `error` event, code `producer-lost`.
   */
  read(stream: string, after: number, limits: { readonly bytes: number }): Promise<Page | undefined>
  /**
   * Calls `wake` when something has happened to a stream. A call may be missed, for example when a connection is replaced:
   * callers look at the stream from time to time as well. Returns a function that stops the calls.
   */
  tail(stream: string, wake: (reason: Wake) => void): () => void
  /** Claims the production of a run, or finds the run that a key belongs to. */
  claim(stream: string, options: ClaimOptions): Promise<Claim>
  /** Extends a lease to `ms` milliseconds from now, unless it is lost. */
  renew(stream: string, token: number, ms: number): Promise<Lease>
  /** Returns what is stored of a run; `undefined` if there is none. */
  find(stream: string): Promise<RunRecord | undefined>
  /**
   * Appends a terminal event in place of the producer, whose appends are refused as `closed` from then on: `always`, or
   * only if its lease has expired (`lease-lost`), which also releases the key. Resolves with `false` if nothing was
   * appended: the run has ended already, does not exist, or its lease is valid.
   */
  finish(stream: string, frame: string, when: 'always' | 'lease-lost'): Promise<boolean>
  /** Asks the producer of a run to stop: wakes `tail` in its process with `stopped`. */
  stop(stream: string): Promise<void>
  /** Cancels a key whose run may not have been claimed yet; remembered for `ms` milliseconds. Resolves with its stream. */
  cancelKey(key: string, ms: number): Promise<string | undefined>
  /** Says that `process` has readers of a run, for the next `ms` milliseconds. */
  join(stream: string, process: string, ms: number): Promise<void>
  /** Says that `process` has no reader of a run any more. */
  leave(stream: string, process: string): Promise<void>
  /** Removes a stream and everything that belongs to it. Its readers are woken, and `read` finds nothing. */
  drop(stream: string): Promise<void>
  /** Releases timers and connections. Streams are kept if the storage outlives the process. */
  close(): Promise<void>
}
