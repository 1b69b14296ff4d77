/** Keeps the runs of this process alive: renews their leases, notices stops, and stops runs that nobody reads. */
import type { Clock } from '../base/clock.ts'
import type { EventLog } from '../log/event-log.ts'
import type { Producer } from './producer.ts'

/** For how long a claim is valid without renewal. */
export const LEASE_MS = 4_000
const RENEW_MS = 1_000
/** How often readers look whether the lease of their run has expired: they learn of it within five seconds in all. */
export const LOOK_MS = 1_000

/** Options of `Leases`. */
export interface LeasesOptions {
  readonly log: EventLog
  readonly clock: Clock
  /** For how many milliseconds a run continues without a reader. */
  readonly abandon: number
  /** Whether this process has readers of a run. */
  isRead(stream: string): boolean
}

interface Entry {
  readonly producer: Producer
  /** When the run is known to have been read last. */
  readAt: number
}

/** The runs that this process produces. One timer serves all of them. */
export class Leases {
  readonly #options: LeasesOptions
  readonly #entries = new Set<Entry>()
  #cancelTimer: (() => void) | undefined

  constructor(options: LeasesOptions) {
    this.#options = options
  }

  get producers(): Producer[] {
    return [...this.#entries].map(({ producer }) => producer)
  }

  /** Watches over a run. Returns a function that stops. */
  add(producer: Producer): () => void {
    const { log, clock } = this.#options
    const entry = { producer, readAt: clock.now() }
    const stopTail = log.tail(producer.stream, (reason) => {
      if (reason === 'stopped') producer.cancel()
      if (reason === 'dropped') producer.lose()
    })
    this.#entries.add(entry)
    // What a run waits for keeps the process alive, not its lease.
    this.#cancelTimer ??= clock.after(RENEW_MS, () => this.#renewAll(), 'housekeeping')
    return () => {
      stopTail()
      this.#entries.delete(entry)
      if (this.#entries.size > 0) return
      this.#cancelTimer?.()
      this.#cancelTimer = undefined
    }
  }

  #renewAll(): void {
    this.#cancelTimer = this.#options.clock.after(RENEW_MS, () => this.#renewAll(), 'housekeeping')
    for (const entry of this.#entries) {
      // A log that cannot be reached does not end a run: if the lease expires meanwhile, the next renewal says so.
      this.#renew(entry).catch(() => undefined)
    }
  }

  async #renew(entry: Entry): Promise<void> {
    const { log, clock, abandon, isRead } = this.#options
    const { producer } = entry
    const { stream, token } = producer
    const lease = await log.renew(stream, token, LEASE_MS)
    if (lease === 'lost') return producer.lose()
    if (lease === 'stopped') return producer.cancel()
    const now = clock.now()
    if (isRead(stream)) entry.readAt = now
    if (now - entry.readAt < abandon) return
    // Other processes may have readers.
    const { readers = 0, unreadFor = 0 } = (await log.find(stream)) ?? {}
    if (readers === 0 && unreadFor >= abandon) producer.cancel()
    else entry.readAt = now - unreadFor
  }
}
