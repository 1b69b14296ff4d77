/** One timer for all readers of a server: heartbeats, readers that do not drain, and credentials that expire. */
import type { Clock } from '../base/clock.ts'

/** Something with deadlines. */
export interface Pulsed {
  /** Does what is due at `now`. Returns the time of the next deadline; `Infinity` if there is none. */
  onPulse(now: number): number
}

/** Calls its members when the earliest of their deadlines has come. */
export class Pulse {
  readonly clock: Clock
  readonly #members = new Set<Pulsed>()
  #cancel: (() => void) | undefined
  /** When the timer fires. */
  #at = Infinity

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** Adds a member, whose first deadline is at `deadline`. */
  add(member: Pulsed, deadline: number): void {
    this.#members.add(member)
    this.hasten(deadline)
  }

  delete(member: Pulsed): void {
    this.#members.delete(member)
    if (this.#members.size === 0) this.#arm(Infinity)
  }

  /** Says that a member has a deadline at `at`. A deadline that moves away needs no call. */
  hasten(at: number): void {
    if (at < this.#at) this.#arm(at)
  }

  #arm(at: number): void {
    this.#cancel?.()
    this.#at = at
    this.#cancel =
      at === Infinity
        ? undefined
        : this.clock.after(Math.max(0, at - this.clock.now()), () => this.#fire(), 'housekeeping')
  }

  #fire(): void {
    const now = this.clock.now()
    let next = Infinity
    this.#at = Infinity
    for (const member of this.#members) next = Math.min(next, member.onPulse(now))
    // A member may have got an earlier deadline while others were called.
    if (this.#members.size > 0) this.#arm(Math.min(next, this.#at))
  }
}
