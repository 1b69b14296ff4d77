/** Appends the events of a run: gathers them while an append is in flight, and sends again what the log has lost. */
import type { Clock } from '../base/clock.ts'
import { createNonce } from '../base/nonce.ts'
import type { Appended, EventLog, Refusal, Retention } from '../log/event-log.ts'

/** Options of an appender. */
export interface RunAppenderOptions {
  readonly log: EventLog
  readonly stream: string
  /** Token of the claim. */
  readonly token: number
  readonly retention: Retention
  readonly clock: Clock
  /** Called once, when nothing more can be appended. */
  onRefused(refused: Refusal): void
}

interface Batch {
  /** Position of the first frame. */
  readonly at: number
  readonly frames: readonly string[]
  /** Kept when the batch is sent again, so that its events get the same IDs. */
  readonly nonce: string
  readonly close: boolean
}

/** How many characters are appended at a time. */
const MAX_BATCH_CHARS = 256 * 1024
/** How many characters may wait before `generate` has to wait for the log. */
const MAX_PENDING_CHARS = 256 * 1024
/** How many characters of appended batches are kept, in case that the log loses its end. */
const MAX_KEPT_CHARS = 64 * 1024
/** Delay before an append is repeated, and for how long it is. */
const RETRY_MS = 250
const GIVE_UP_MS = 60_000

const sizeOf = (frames: readonly string[]): number => frames.reduce((sum, frame) => sum + frame.length, 0)

/** Appends in order. Nothing can be added after the terminal event. */
export class RunAppender {
  readonly #options: RunAppenderOptions
  #pending: string[] = []
  #pendingChars = 0
  /** Position of the first pending frame. */
  #at = 1
  /** Whether the last pending frame is the terminal event. */
  #isClosing = false
  #state: 'open' | 'refused' = 'open'
  readonly #kept: Batch[] = []
  #keptChars = 0
  #flight: Promise<void> | undefined

  constructor(options: RunAppenderOptions) {
    this.#options = options
  }

  /** Adds a frame. Returns a promise if so many wait that the caller should, too. */
  add(frame: string, kind: 'further' | 'terminal' = 'further'): Promise<void> | undefined {
    if (this.#state === 'refused' || this.#isClosing) return undefined
    this.#pending.push(frame)
    this.#pendingChars += frame.length
    this.#isClosing = kind === 'terminal'
    this.#flight ??= this.#appendAll()
    return this.#pendingChars > MAX_PENDING_CHARS ? this.#flight : undefined
  }

  /** Resolves once everything added is stored, or refused. */
  async flush(): Promise<void> {
    await this.#flight
  }

  /** Discards what was not appended. */
  close(): void {
    this.#state = 'refused'
    this.#pending = []
  }

  async #appendAll(): Promise<void> {
    while (this.#pending.length > 0) await this.#send(this.#takeBatch())
    this.#flight = undefined
  }

  #takeBatch(): Batch {
    let size = 0
    let count = 0
    for (const { length } of this.#pending) {
      if (count > 0 && size + length > MAX_BATCH_CHARS) break
      size += length
      count++
    }
    const frames = this.#pending.splice(0, count)
    const close = this.#isClosing && this.#pending.length === 0
    const batch = { at: this.#at, frames, nonce: createNonce(), close }
    this.#at += frames.length
    this.#pendingChars -= size
    this.#kept.push(batch)
    this.#keptChars += size
    while (this.#kept.length > 1 && this.#keptChars > MAX_KEPT_CHARS)
      this.#keptChars -= sizeOf(this.#kept.shift()!.frames)
    return batch
  }

  async #send(batch: Batch): Promise<void> {
    const result = await this.#append(batch)
    if (this.#state === 'refused' || !('refused' in result)) return
    if (result.refused === 'gap' && (await this.#sendAgain(result.head))) return
    this.close()
    this.#options.onRefused(result.refused)
  }

  /** Sends the batches after `head` again. Returns `false` if not all of them are kept, or another gap was met. */
  async #sendAgain(head: number): Promise<boolean> {
    const lost = this.#kept.filter(({ at, frames }) => at + frames.length - 1 > head)
    if (lost.length === 0 || lost[0]!.at > head + 1) return false
    for (const batch of lost) if ('refused' in (await this.#append(batch))) return false
    return true
  }

  /** Appends; while the log cannot be reached, again and again. */
  async #append({ at, frames, nonce, close }: Batch): Promise<Appended> {
    const { log, stream, token, retention, clock } = this.#options
    const giveUpAt = clock.now() + GIVE_UP_MS
    while (this.#state === 'open' && clock.now() < giveUpAt) {
      try {
        return await log.append(stream, frames, { at, nonce, token, retention, close })
      } catch {
        await new Promise<void>((resolve) => void clock.after(RETRY_MS, resolve))
      }
    }
    return { refused: 'gone', head: 0 }
  }
}
