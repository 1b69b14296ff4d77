/** Streams in the memory of one process. */
import type { Clock } from '../base/clock.ts'
import { createNonce } from '../base/nonce.ts'
import { nextTurn } from '../base/next-turn.ts'
import { utf8Length } from '../base/utf8-length.ts'
import type {
  AppendOptions,
  Appended,
  Claim,
  ClaimOptions,
  Lease,
  Page,
  Refusal,
  Retention,
  RunRecord,
  Wake,
} from './event-log.ts'
import { HARD_CAP } from './event-log.ts'
import { MemoryKeys } from './memory-keys.ts'
import { MemoryRun } from './memory-run.ts'
import type { MemoryStream } from './memory-stream.ts'
import { createStream } from './memory-stream.ts'
import { PRODUCER_LOST_FRAME } from './producer-lost.ts'
import { isRun } from './stream-name.ts'

/** The limits of a memory log, and its source of time. */
export interface MemoryLimits {
  readonly maxBytes: number
  readonly maxRuns: number
  readonly clock: Clock
}

/** What `EventLog` describes, but at once: `memoryLog` makes promises of it. */
export class MemoryStreams {
  #clock: Clock
  #maxBytes: number
  #maxRuns: number
  #bytes = 0
  /** Number of claims. */
  #tokens = 0
  #streams = new Map<string, MemoryStream>()
  /** Runs only, oldest first. */
  #runs = new Map<string, MemoryStream & { readonly run: MemoryRun }>()
  #tails = new Map<string, Set<(reason: Wake) => void>>()
  #keys: MemoryKeys

  constructor({ maxBytes, maxRuns, clock }: MemoryLimits) {
    this.#maxBytes = maxBytes
    this.#maxRuns = maxRuns
    this.#clock = clock
    this.#keys = new MemoryKeys(maxRuns)
  }

  append(name: string, frames: readonly string[], options: AppendOptions): Appended {
    const { nonce, retention, at, token, sender, close } = options
    const stream = isRun(name) ? this.#runs.get(name) : this.#feed(name)
    if (!stream) return { refused: 'gone', head: 0 }
    const { events, epoch } = stream
    const refuse = (refused: Refusal): Appended => ({ refused, head: events.head })
    if (stream.run) {
      this.#endIfLost(stream)
      if (token !== stream.run.token) return refuse('fenced')
    }
    const repeated = sender && stream.senders.find(sender)
    if (repeated !== undefined) return { position: repeated, epoch }
    const last = at === undefined ? Infinity : at + frames.length - 1
    if (last <= (stream.run?.producedHead ?? 0)) return { position: last, epoch }
    if (stream.state === 'closed') return refuse('closed')
    const skipped = at === undefined ? 0 : events.head + 1 - at
    if (skipped < 0) return refuse('gap')
    const added = skipped > 0 ? frames.slice(skipped) : frames
    const size = added.reduce((sum, frame) => sum + utf8Length(frame), 0)
    this.#trim(stream, retention)
    if (events.bytes + size > retention.bytes * HARD_CAP || !this.#makeRoom(size)) return refuse('overloaded')
    this.#push(stream, added, size, nonce)
    if (sender) stream.senders.remember(sender, events.head)
    if (stream.run) stream.run.producedHead = events.head
    if (close) this.#close(stream)
    this.#settle(stream, retention)
    this.#wake(name, 'appended')
    return { position: events.head, epoch }
  }

  read(name: string, after: number, { bytes }: { readonly bytes: number }): Page | undefined {
    const stream = isRun(name) ? this.#runs.get(name) : this.#feed(name)
    if (!stream) return undefined
    this.#endIfLost(stream)
    const { events, epoch, state } = stream
    const { first, head, nonce } = events
    const previousNonce = events.nonceAt(after)
    return { epoch, first, head, nonce, previousNonce, state, events: events.read(after, bytes) }
  }

  tail(name: string, wake: (reason: Wake) => void): () => void {
    const tails = this.#tails.get(name) ?? new Set()
    this.#tails.set(name, tails)
    // A wrapper per call, so that the same callback can be registered twice.
    const tail = (reason: Wake): void => wake(reason)
    tails.add(tail)
    return () => {
      tails.delete(tail)
      if (tails.size === 0 && this.#tails.get(name) === tails) this.#tails.delete(name)
    }
  }

  claim(name: string, options: ClaimOptions): Claim {
    const { key, fingerprint } = options
    const existing = this.#runs.get(name) ?? (key === undefined ? undefined : this.#findByKey(key))
    if (existing) {
      const { run } = existing
      return run.fingerprint === fingerprint ? { role: 'reader', stream: existing.name } : { role: 'conflict' }
    }
    if (this.#runs.size >= this.#maxRuns && !this.#forgetOldestRun()) return { role: 'full' }
    const run = new MemoryRun(++this.#tokens, options, this.#clock.now())
    const stream = { ...createStream(name), run }
    this.#streams.set(name, stream)
    this.#runs.set(name, stream)
    const isCancelled = key !== undefined && this.#keys.take(key, name, this.#clock.now())
    return { role: 'producer', token: run.token, isCancelled }
  }

  renew(name: string, token: number, ms: number): Lease {
    const stream = this.#runs.get(name)
    if (!stream || stream.state === 'closed' || stream.run.token !== token) return 'lost'
    stream.run.leaseEnd = this.#clock.now() + ms
    return stream.run.isStopped ? 'stopped' : 'held'
  }

  find(name: string): RunRecord | undefined {
    const stream = this.#runs.get(name)
    if (!stream) return undefined
    this.#endIfLost(stream)
    const { owner, isStopped } = stream.run
    return { owner, isStopped, state: stream.state, ...stream.run.readersAt(this.#clock.now()) }
  }

  finish(name: string, frame: string, when: 'always' | 'lease-lost'): boolean {
    const stream = this.#runs.get(name)
    if (!stream || stream.state === 'closed') return false
    if (when === 'lease-lost' && stream.run.leaseEnd > this.#clock.now()) return false
    if (when === 'lease-lost') this.#releaseKey(stream)
    this.#finish(stream, frame)
    return true
  }

  stop(name: string): void {
    const stream = this.#runs.get(name)
    if (!stream) return
    stream.run.isStopped = true
    this.#wake(name, 'stopped')
  }

  cancelKey(key: string, ms: number): string | undefined {
    const existing = this.#findByKey(key)
    if (existing) return existing.name
    const now = this.#clock.now()
    this.#keys.cancel(key, now + ms, now)
    return undefined
  }

  join(name: string, process: string, ms: number): void {
    const stream = this.#runs.get(name)
    stream?.run.join(process, this.#clock.now() + ms)
    if (stream) this.#forgetLater(stream)
  }

  leave(name: string, process: string): void {
    const stream = this.#runs.get(name)
    stream?.run.leave(process, this.#clock.now())
    if (stream) this.#forgetLater(stream)
  }

  drop(name: string): void {
    const stream = this.#streams.get(name)
    if (!stream) return
    stream.cancelTimer?.()
    this.#bytes -= stream.events.bytes
    this.#streams.delete(name)
    this.#runs.delete(name)
    this.#releaseKey(stream)
    this.#wake(name, 'dropped')
  }

  close(): void {
    for (const stream of this.#streams.values()) {
      stream.cancelTimer?.()
      stream.cancelTimer = undefined
    }
  }

  #feed(name: string): MemoryStream {
    let stream = this.#streams.get(name)
    if (!stream) {
      stream = createStream(name)
      this.#streams.set(name, stream)
    }
    return stream
  }

  #push({ events }: MemoryStream, frames: readonly string[], size: number, nonce: string): void {
    events.push(frames, size, nonce, this.#clock.now())
    this.#bytes += size
  }

  #wake(name: string, reason: Wake): void {
    for (const wake of this.#tails.get(name) ?? []) wake(reason)
  }

  #trim(stream: MemoryStream, retention: Retention): number {
    const before = stream.events.bytes
    const wait = stream.events.trim(retention, stream.settled, this.#clock.now())
    this.#bytes -= before - stream.events.bytes
    return wait
  }

  /** Trims once the readers had a turn to read what was appended: their turn was scheduled before. */
  #settle(stream: MemoryStream, retention: Retention): void {
    if (stream.isSettling || stream.run) return
    stream.isSettling = true
    nextTurn(() => {
      const { head } = stream.events
      nextTurn(() => {
        stream.isSettling = false
        stream.settled = head
        this.#trimLater(stream, retention)
        if (stream.events.head > head) this.#settle(stream, retention)
      })
    })
  }

  #trimLater(stream: MemoryStream, retention: Retention): void {
    stream.cancelTimer?.()
    stream.cancelTimer = undefined
    const wait = this.#trim(stream, retention)
    if (wait <= 0 || wait === Infinity || !this.#streams.has(stream.name)) return
    stream.cancelTimer = this.#clock.after(wait, () => this.#trimLater(stream, retention), 'housekeeping')
  }

  /** Forgets finished runs until `size` more bytes can be kept. */
  #makeRoom(size: number): boolean {
    while (this.#bytes + size > this.#maxBytes) if (!this.#forgetOldestRun()) return false
    return true
  }

  #forgetOldestRun(): boolean {
    for (const stream of this.#runs.values()) {
      if (stream.state === 'open' || stream.run.readersAt(this.#clock.now()).readers > 0) continue
      this.drop(stream.name)
      return true
    }
    return false
  }

  #findByKey(key: string): (MemoryStream & { readonly run: MemoryRun }) | undefined {
    const find = (): (MemoryStream & { readonly run: MemoryRun }) | undefined =>
      this.#runs.get(this.#keys.find(key) ?? '')
    const stream = find()
    if (stream) this.#endIfLost(stream)
    return find()
  }

  #releaseKey({ name, run }: MemoryStream): void {
    if (run?.key !== undefined) this.#keys.release(run.key, name)
  }

  #endIfLost(stream: MemoryStream): void {
    if (!stream.run || stream.state === 'closed' || stream.run.leaseEnd > this.#clock.now()) return
    // The key is released, so that the client can start the run again.
    this.#releaseKey(stream)
    this.#finish(stream, PRODUCER_LOST_FRAME)
  }

  #finish(stream: MemoryStream, frame: string): void {
    this.#push(stream, [frame], utf8Length(frame), createNonce())
    this.#close(stream)
    this.#wake(stream.name, 'appended')
  }

  #close(stream: MemoryStream): void {
    stream.state = 'closed'
    this.#forgetLater(stream)
  }

  /** Forgets a finished run once it was kept for as long as promised. */
  #forgetLater(stream: MemoryStream): void {
    if (!stream.run) return
    stream.cancelTimer?.()
    stream.cancelTimer = undefined
    if (stream.state === 'open' || !this.#streams.has(stream.name)) return
    const { readers } = stream.run.readersAt(this.#clock.now())
    // A process that disappeared with its readers is noticed at the next look.
    const next = readers > 0 ? () => this.#forgetLater(stream) : () => this.drop(stream.name)
    stream.cancelTimer = this.#clock.after(stream.run.keep, next, 'housekeeping')
  }
}
