/** A stream of a channel: sends what its reader writes under its key, as far as its credit allows (PROTOCOL.md 5.3, 5.4). */
import type { CloseReason } from '../base/instrument.ts'
import { problemText } from '../http/problem.ts'
import { encodeFrame } from '../log/frame.ts'
import type { CutReason, Sink, Source } from '../stream/sink.ts'
import { findBlock, isComment } from './blocks.ts'
import type { Outbox } from './outbox.ts'

/** A channel, as its streams see it. */
export interface StreamHost {
  /** Data of the largest event, in bytes. */
  readonly maxEventBytes: number
  /** Monotonic time in milliseconds. */
  now(): number
  /** Lets a stream send what it can, at once if the connection has room, otherwise when its turn comes. */
  offer(stream: ChannelStream): void
  /** Called when the last event of a stream was sent. */
  onClosed(stream: ChannelStream): void
}

/** Options of a stream. */
export interface ChannelStreamOptions {
  readonly key: string
  /** Maximum number of bytes in flight. */
  readonly window: number
}

/** What an event costs in addition to its data, so that empty events cost something too. */
const EVENT_OVERHEAD_BYTES = 32
/** How many bytes a stream sends before it is the turn of another one. */
const TURN_BYTES = 16 * 1024

const encoder = new TextEncoder()

/** Holds at most what its reader writes at once, and lets the reader continue when all of it was sent. */
export class ChannelStream implements Sink {
  readonly key: string
  readonly #host: StreamHost
  readonly #window: number
  readonly #idStart: Uint8Array
  readonly #noId: Uint8Array
  readonly #abortController = new AbortController()
  #source: Source | undefined
  #credit: number
  /** The `open` event, until it is sent. */
  #opening: Uint8Array | undefined
  /** Blocks that were not sent yet, from `#offset` on. */
  #held: Uint8Array | undefined
  #offset = 0
  /** The `close` event, which is sent last. */
  #closing: Uint8Array | undefined
  #state: 'open' | 'closing' | 'closed' = 'open'
  /** When something was last sent or held. */
  #changedAt: number

  constructor(host: StreamHost, { key, window }: ChannelStreamOptions) {
    this.key = key
    this.#host = host
    this.#window = window
    this.#credit = window
    this.#idStart = encoder.encode(`${key}=`)
    this.#noId = encoder.encode(`id: ${key}+\n\n`)
    this.#changedAt = host.now()
  }

  /** Aborts when the stream has ended. */
  get signal(): AbortSignal {
    return this.#abortController.signal
  }

  /** Whether it can send something. */
  get isReady(): boolean {
    if (this.#opening) return true
    return this.#held ? this.#credit > 0 : this.#closing !== undefined
  }

  /** Sends `open`, then what the reader writes. */
  start(source: Source, open: object): void {
    if (this.#state !== 'open') return source.leave()
    this.#source = source
    this.#open(open)
    source.start(this)
  }

  /** Sends `open` and `close`, for a response that is not a stream. */
  respond(status: number, open: object, text: string): void {
    if (this.#state !== 'open') return
    this.#open(open)
    this.#finish(status, text)
  }

  /** Ends the stream without what it holds. `detail` explains the status. */
  fail(status: number, detail: string): void {
    if (this.#state === 'closed') return
    this.#release()
    this.#state = 'open'
    this.#finish(status, problemText(status, detail))
  }

  /** Ends the stream at once, without another event. */
  close(): void {
    this.#state = 'closed'
    this.#opening = undefined
    this.#closing = undefined
    this.#release()
    this.#abortController.abort()
  }

  /** Adds credit for what the consumer has read. */
  grantCredit(bytes: number): void {
    this.#credit = Math.min(this.#credit + bytes, this.#window)
    if (this.isReady) this.#host.offer(this)
  }

  /** Whether it has ended, and nothing of what it holds was read for `ms` milliseconds. */
  isStalled(now: number, ms: number): boolean {
    return this.#state === 'closing' && now >= this.#changedAt + ms
  }

  write(bytes: Uint8Array): boolean {
    if (this.#state !== 'open') return true
    this.#hold(bytes)
    this.#host.offer(this)
    return this.#held === undefined
  }

  end(reason?: CloseReason): void {
    // What is held is read again after a resume; only the end of a run waits until it was sent.
    if (reason === 'expired') return this.fail(401, 'The credentials have expired.')
    if (reason !== 'done') this.#held = undefined
    this.#finish(200)
  }

  cut(reason?: CutReason): void {
    if (reason === 'too-large') return this.fail(413, 'An event is too large for a channel.')
    const detail = reason === 'slow' ? 'The stream was not read for too long.' : 'The stream was interrupted.'
    this.fail(502, detail)
  }

  /** Takes one turn: adds to the outbox what may be sent. */
  take(outbox: Outbox): void {
    if (this.#opening) {
      outbox.add(this.#opening)
      this.#opening = undefined
    }
    if (this.#held) {
      this.#changedAt = this.#host.now()
      this.#takeHeld(this.#held, outbox)
      if (this.#held) this.#source?.progressed?.()
    }
    if (this.#held || !this.#closing) return
    outbox.add(this.#closing)
    this.close()
    this.#host.onClosed(this)
  }

  #takeHeld(held: Uint8Array, outbox: Outbox): void {
    const from = this.#offset
    while (this.#offset < held.length) {
      const start = this.#offset
      const block = findBlock(held, start)
      const { end, idAt, dataBytes, retry } = block
      // The client waits as long as the stream says, not as the channel does.
      if (retry !== undefined) outbox.add(this.#control('retry', { delay: retry }))
      // The comments of a reader are heartbeats, and the channel sends its own.
      if (!isComment(block)) {
        if (this.#credit <= 0 || start - from >= TURN_BYTES) return
        if (dataBytes > this.#host.maxEventBytes) return this.cut('too-large')
        this.#credit -= Math.max(dataBytes, 0) + EVENT_OVERHEAD_BYTES
        if (idAt < 0) {
          outbox.add(held.subarray(start, end - 1))
          outbox.add(this.#noId)
        } else {
          outbox.add(held.subarray(start, idAt))
          outbox.add(this.#idStart)
          outbox.add(held.subarray(idAt, end))
        }
      }
      this.#offset = end
    }
    this.#held = undefined
    // The reader may write at once, which begins another turn.
    if (this.#state === 'open') this.#source?.drained()
  }

  #hold(bytes: Uint8Array): void {
    this.#held = bytes
    this.#offset = 0
    this.#changedAt = this.#host.now()
  }

  #open(open: object): void {
    this.#opening = this.#control('open', open)
    this.#host.offer(this)
  }

  #finish(status: number, problem?: string): void {
    if (this.#state !== 'open') return
    this.#state = 'closing'
    this.#closing = this.#control('close', { status, ...(problem ? { problem } : {}) })
    this.#host.offer(this)
  }

  /** Stops the reader and forgets what is held. */
  #release(): void {
    const source = this.#source
    this.#source = undefined
    this.#held = undefined
    source?.leave()
  }

  #control(type: string, data: object): Uint8Array {
    return encoder.encode(`${encodeFrame(type, JSON.stringify(data))}id: ${this.key}!\n\n`)
  }
}
