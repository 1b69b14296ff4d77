/** Tells the log which runs have readers in this process. */
import type { Clock } from '../base/clock.ts'
import type { EventLog } from '../log/event-log.ts'

/** For how long the log believes that this process has readers, and how often they are confirmed. */
const JOIN_MS = 60_000
const CONFIRM_MS = 20_000

/** Counts the readers of runs. */
export class Presence {
  readonly #log: EventLog
  readonly #clock: Clock
  readonly #process = crypto.randomUUID()
  readonly #counts = new Map<string, number>()
  #cancelTimer: (() => void) | undefined

  constructor(log: EventLog, clock: Clock) {
    this.#log = log
    this.#clock = clock
  }

  has(stream: string): boolean {
    return this.#counts.has(stream)
  }

  /** Adds a reader. Returns a function that removes it. */
  add(stream: string): () => void {
    const count = this.#counts.get(stream) ?? 0
    this.#counts.set(stream, count + 1)
    if (count === 0) this.#join(stream)
    this.#cancelTimer ??= this.#clock.after(CONFIRM_MS, () => this.#confirm(), 'housekeeping')
    return () => this.#remove(stream)
  }

  #remove(stream: string): void {
    const remaining = this.#counts.get(stream)! - 1
    if (remaining > 0) return void this.#counts.set(stream, remaining)
    this.#counts.delete(stream)
    // Both calls may fail: what the log believes expires.
    this.#log.leave(stream, this.#process).catch(() => undefined)
    if (this.#counts.size > 0) return
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }

  #join(stream: string): void {
    this.#log.join(stream, this.#process, JOIN_MS).catch(() => undefined)
  }

  #confirm(): void {
    for (const stream of this.#counts.keys()) this.#join(stream)
    this.#cancelTimer = this.#clock.after(CONFIRM_MS, () => this.#confirm(), 'housekeeping')
  }
}
