/** A reader: one response that follows a stream, from a position of its own. */
import type { CloseReason } from '../base/instrument.ts'
import type { Chunk } from './chunk.ts'
import type { Pulsed, Pulse } from './pulse.ts'
import type { Sink, Source } from './sink.ts'
import type { Tail, TailReader } from './tail.ts'
import type { View } from './view.ts'
import { formatId } from './wire-id.ts'

/** Options of a reader. Durations and times are in milliseconds. */
export interface ReaderOptions {
  /** Position from which it continues, with the nonce of the event there. */
  readonly position: number
  readonly nonce: string
  /** What is sent of events that were appended before this reader had reached the newest one. */
  readonly replay: View
  /** What is sent of events that are appended afterwards. */
  readonly live: View
  /** 0: no heartbeats. */
  readonly heartbeat: number
  readonly drainTimeout: number
  /** When the credentials expire, as a value of `Clock.now`. */
  readonly expiry: number
  /** Called once, when the response has ended. */
  onClose(reason: CloseReason): void
}

/** Heartbeats are sent up to an eighth of the interval early, so that one timer serves many readers. */
const HEARTBEAT_SLACK = 1 / 8

const encoder = new TextEncoder()
const HEARTBEAT = encoder.encode(': heartbeat\n\n')

/**
 * Follows a stream. A reader has a position instead of a queue: while its connection takes no bytes, it keeps none, and
 * later reads on from the log.
 */
export class Reader implements Source, Pulsed, TailReader {
  readonly #tail: Tail
  readonly #pulse: Pulse
  readonly #options: ReaderOptions
  #sink: Sink | undefined
  /** What is sent first; not kept afterwards. */
  #opening: Uint8Array | undefined
  /**
   * - `new`: not started
   * - `live`: at the head, waits for the tail
   * - `reading`: behind the head, waits for a page
   * - `blocked`: waits for its connection
   */
  #state: 'new' | 'live' | 'reading' | 'blocked' | 'closed' = 'new'
  #position: number
  #nonce: string
  /** Position of the last ID that was sent. */
  #sentPosition: number
  #lastWriteAt: number
  /** Since when the connection has not been started, or has taken no bytes. */
  #waitingSince: number

  constructor(tail: Tail, pulse: Pulse, opening: Uint8Array, options: ReaderOptions) {
    this.#tail = tail
    this.#pulse = pulse
    this.#opening = opening
    this.#options = options
    this.#position = options.position
    this.#nonce = options.nonce
    this.#sentPosition = options.position
    this.#lastWriteAt = pulse.clock.now()
    this.#waitingSince = this.#lastWriteAt
    pulse.add(this, this.#deadline)
  }

  start(sink: Sink): void {
    if (this.#state === 'closed') return sink.end()
    if (this.#state !== 'new') return
    this.#sink = sink
    this.#state = 'reading'
    const hasRoom = this.#write(this.#opening!)
    this.#opening = undefined
    if (hasRoom) this.readOn()
    else this.#block()
    this.#pulse.hasten(this.#deadline)
  }

  drained(): void {
    if (this.#state !== 'blocked') return
    this.#state = 'reading'
    this.#pulse.hasten(this.#deadline)
    this.readOn()
  }

  progressed(): void {
    this.#waitingSince = this.#pulse.clock.now()
  }

  leave(): void {
    this.#close('left')
  }

  /** Ends the response cleanly. */
  end(reason: CloseReason): void {
    const sink = this.#sink
    if (this.#close(reason)) sink?.end(reason)
  }

  /** Closes the connection. */
  cut(reason: CloseReason): void {
    const sink = this.#sink
    if (this.#close(reason)) sink?.cut(reason)
  }

  /** Reads from the log up to the head of the tail, while the connection takes bytes; then waits for the tail. */
  readOn(): void {
    while (this.#state === 'reading') {
      if (this.#position >= this.#tail.head) {
        this.#state = 'live'
        this.#tail.addLive(this)
        return
      }
      const chunk = this.#tail.chunkAfter(this.#position, this.#nonce, this)
      if (!chunk) return
      this.#send(chunk, this.#options.replay)
    }
  }

  /** Sends what the tail has read. */
  deliver(chunk: Chunk): void {
    if (chunk.last <= this.#position) return
    this.#send(chunk.from(this.#position), this.#options.live)
  }

  onPulse(now: number): number {
    const { heartbeat, drainTimeout, expiry } = this.#options
    if (now >= expiry) this.end('expired')
    else if (this.#isWaiting) {
      if (now >= this.#waitingSince + drainTimeout) this.cut('slow')
    } else if (heartbeat > 0 && now >= this.#lastWriteAt + heartbeat * (1 - HEARTBEAT_SLACK)) this.#beat()
    return this.#deadline
  }

  get #deadline(): number {
    const { heartbeat, drainTimeout, expiry } = this.#options
    const next = this.#isWaiting ? this.#waitingSince + drainTimeout : this.#lastWriteAt + (heartbeat || Infinity)
    return Math.min(next, expiry)
  }

  get #isWaiting(): boolean {
    return this.#state === 'new' || this.#state === 'blocked'
  }

  #send(chunk: Chunk, view: View): void {
    this.#position = chunk.last
    this.#nonce = chunk.nonce
    const bytes = chunk.bytes(view)
    if (bytes.length === 0) return
    this.#sentPosition = chunk.last
    if (!this.#write(bytes)) this.#block()
  }

  /** Writes bytes. Returns whether the connection takes more; `true` if it has closed meanwhile. */
  #write(bytes: Uint8Array): boolean {
    this.#lastWriteAt = this.#pulse.clock.now()
    return this.#sink!.write(bytes)
  }

  #block(): void {
    if (this.#state === 'closed') return
    if (this.#state === 'live') this.#tail.removeLive(this)
    this.#state = 'blocked'
    this.#waitingSince = this.#lastWriteAt
    this.#pulse.hasten(this.#deadline)
  }

  #beat(): void {
    let bytes = HEARTBEAT
    if (this.#sentPosition !== this.#position) {
      this.#sentPosition = this.#position
      const id = formatId(this.#tail.prefix, this.#position, this.#nonce)
      bytes = encoder.encode(`: heartbeat\n\nid: ${id}\n\n`)
    }
    if (!this.#write(bytes)) this.#block()
    this.#tail.look()
  }

  #close(reason: CloseReason): boolean {
    if (this.#state === 'closed') return false
    this.#state = 'closed'
    this.#pulse.delete(this)
    this.#tail.remove(this)
    this.#sink = undefined
    this.#options.onClose(reason)
    return true
  }
}
