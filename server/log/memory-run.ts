/** What the memory log keeps of a run beside its events: its producer, its readers and its idempotency key. */
import type { ClaimOptions, RunRecord } from './event-log.ts'

/** A run of the memory log. */
export class MemoryRun {
  readonly owner: string
  readonly key: string | undefined
  readonly fingerprint: string | undefined
  readonly keep: number
  readonly token: number
  /** Position of the last event from the producer: a terminal event after it was appended in its place. */
  producedHead = 0
  isStopped = false
  /** When the lease expires. */
  leaseEnd: number
  /** When each process with readers is forgotten unless it joins again. */
  #readers = new Map<string, number>()
  /** When the last process left or was forgotten. */
  #unreadSince: number

  constructor(token: number, { owner, key, fingerprint, keep, lease }: ClaimOptions, now: number) {
    this.token = token
    this.owner = owner
    this.key = key
    this.fingerprint = fingerprint
    this.keep = keep
    this.leaseEnd = now + lease
    this.#unreadSince = now
  }

  join(process: string, end: number): void {
    this.#readers.set(process, end)
  }

  leave(process: string, now: number): void {
    if (this.#readers.delete(process)) this.#unreadSince = Math.max(this.#unreadSince, now)
  }

  /** Number of processes with readers, and for how long there has been none. */
  readersAt(now: number): Pick<RunRecord, 'readers' | 'unreadFor'> {
    for (const [process, end] of this.#readers) {
      if (end > now) continue
      this.#readers.delete(process)
      this.#unreadSince = Math.max(this.#unreadSince, end)
    }
    const readers = this.#readers.size
    return { readers, unreadFor: readers > 0 ? 0 : now - this.#unreadSince }
  }
}
