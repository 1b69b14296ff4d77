/** Sends the events of a feed: gathers them while an append is in flight, and repeats an append that failed. */
import type { Clock } from '../base/clock.ts'
import { createNonce } from '../base/nonce.ts'
import type { AppendOptions, Appended, EventLog, Retention } from '../log/event-log.ts'
import { formatId } from '../stream/wire-id.ts'
import { SendError } from './send-error.ts'

/** Options of a sender. */
export interface SenderOptions {
  readonly log: EventLog
  readonly stream: string
  readonly retention: Retention
  readonly clock: Clock
}

interface PendingEvent {
  readonly frame: string
  resolve(id: string): void
  reject(error: SendError): void
}

/** How many characters are appended at a time: an append is refused as a whole. */
const MAX_APPEND_CHARS = 256 * 1024
/** How many characters may wait for the log. */
const MAX_PENDING_CHARS = 16 * 1024 * 1024
/** Delays before an append is repeated. */
const RETRY_DELAYS_MS = [100, 400, 1_500]

/** Sends the events of one feed in the order of the calls. */
export class Sender {
  readonly #options: SenderOptions
  readonly #id = crypto.randomUUID()
  #sequence = 0
  #pending: PendingEvent[] = []
  #pendingChars = 0
  #isSending = false

  constructor(options: SenderOptions) {
    this.#options = options
  }

  /** Sends a frame. Resolves with the ID of the event once it is stored. */
  send(frame: string): Promise<string> {
    if (this.#pendingChars + frame.length > MAX_PENDING_CHARS) {
      return Promise.reject(new SendError('overloaded', 'Too many events wait for the storage of the feed.'))
    }
    return new Promise((resolve, reject) => {
      this.#pending.push({ frame, resolve, reject })
      this.#pendingChars += frame.length
      if (!this.#isSending) void this.#sendAll()
    })
  }

  async #sendAll(): Promise<void> {
    this.#isSending = true
    while (this.#pending.length > 0) await this.#sendBatch(this.#takeBatch())
    this.#isSending = false
  }

  #takeBatch(): PendingEvent[] {
    let size = 0
    let count = 0
    for (const { frame } of this.#pending) {
      if (count > 0 && size + frame.length > MAX_APPEND_CHARS) break
      size += frame.length
      count++
    }
    this.#pendingChars -= size
    return this.#pending.splice(0, count)
  }

  async #sendBatch(batch: readonly PendingEvent[]): Promise<void> {
    const nonce = createNonce()
    const sender = { id: this.#id, sequence: ++this.#sequence }
    const frames = batch.map(({ frame }) => frame)
    try {
      const appended = await this.#append(frames, { nonce, retention: this.#options.retention, sender })
      if ('refused' in appended) throw refusalError(appended.refused)
      const first = appended.position - batch.length + 1
      batch.forEach(({ resolve }, index) => resolve(formatId(appended.epoch, first + index, nonce)))
    } catch (error) {
      const sendError =
        error instanceof SendError
          ? error
          : new SendError('unavailable', 'The storage of the feed cannot be reached.', { cause: error })
      for (const { reject } of batch) reject(sendError)
    }
  }

  /** Appends; an append that may or may not have succeeded is repeated, which the log recognizes. */
  async #append(frames: readonly string[], options: AppendOptions): Promise<Appended> {
    const { log, stream, clock } = this.#options
    for (const delay of RETRY_DELAYS_MS) {
      try {
        return await log.append(stream, frames, options)
      } catch {
        await new Promise<void>((resolve) => void clock.after(delay, resolve))
      }
    }
    return log.append(stream, frames, options)
  }
}

function refusalError(refused: 'overloaded' | 'closed' | 'fenced' | 'gap' | 'gone'): SendError {
  return refused === 'overloaded'
    ? new SendError(
        'overloaded',
        'The feed keeps as many bytes as it may: its newest events are too young to be removed.',
      )
    : new SendError('closed', 'The feed is closed.')
}
