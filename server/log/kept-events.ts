/** The events that the memory log keeps of one stream. */
import { utf8Length } from '../base/utf8-length.ts'
import type { LogEvent, Retention } from './event-log.ts'

/** How many removed events may stay at the front of the arrays, whose removal moves all others. */
const MAX_REMOVED = 1_024

/**
 * A list of frames that is trimmed at its front. It consists of arrays of text and numbers, because an object per event
 * would cost more memory than a short event itself.
 */
export class KeptEvents {
  /** Bytes of all kept frames. */
  bytes = 0
  #frames: string[] = []
  #nonces: string[] = []
  /** Time of each append, as a value of `Clock.now`. */
  #times: number[] = []
  /** Number of events before the first entry of the arrays. */
  #offset = 0
  /** Number of entries at the front of the arrays that were removed. */
  #removed = 0

  /** Position of the oldest kept event; `head + 1` if none is kept. */
  get first(): number {
    return this.#offset + this.#removed + 1
  }

  /** Position of the newest event; 0 before the first. */
  get head(): number {
    return this.#offset + this.#frames.length
  }

  /** Nonce of the newest event; empty before the first. */
  get nonce(): string {
    return this.#nonces.at(-1) ?? ''
  }

  /** Returns the nonce of the event at a position; empty if it is not kept. */
  nonceAt(position: number): string {
    return position < this.first ? '' : (this.#nonces[position - this.#offset - 1] ?? '')
  }

  /** Adds frames, which were measured before. */
  push(frames: readonly string[], bytes: number, nonce: string, now: number): void {
    for (const frame of frames) {
      this.#frames.push(frame)
      this.#nonces.push(nonce)
      this.#times.push(now)
    }
    this.bytes += bytes
  }

  /** Returns the events after `after`, at most about `bytes` bytes, but at least one if there is one. */
  read(after: number, bytes: number): LogEvent[] {
    const events: LogEvent[] = []
    let size = 0
    for (let index = Math.max(after - this.#offset, this.#removed); index < this.#frames.length; index++) {
      const frame = this.#frames[index]!
      size += frame.length
      if (events.length > 0 && size > bytes) break
      events.push({ position: this.#offset + index + 1, nonce: this.#nonces[index]!, frame })
    }
    return events
  }

  /**
   * Removes events that retention does not promise: those beyond its number or bytes that are older than its age, but
   * never events after `settled`, nor the newest one, whose nonce names the head. Returns for how many milliseconds the
   * next removal has to wait for an age; 0 if nothing is left to remove.
   */
  trim({ events, bytes, age }: Retention, settled: number, now: number): number {
    while (this.first < this.head && (this.head - this.first >= events || this.bytes > bytes)) {
      if (this.first > settled) return 0
      const remaining = this.#times[this.#removed]! + age - now
      if (remaining > 0) return remaining
      this.bytes -= utf8Length(this.#frames[this.#removed]!)
      this.#frames[this.#removed] = ''
      this.#removed++
    }
    if (this.#removed > MAX_REMOVED || this.#removed * 2 > this.#frames.length) this.#compact()
    return 0
  }

  #compact(): void {
    for (const list of [this.#frames, this.#nonces, this.#times]) list.splice(0, this.#removed)
    this.#offset += this.#removed
    this.#removed = 0
  }
}
