/** A channel: one connection on which many streams take turns (PROTOCOL.md 5). */
import type { CloseReason } from '../base/instrument.ts'
import type { Identity } from '../http/identity.ts'
import { encodeFrame } from '../log/frame.ts'
import type { HubOptions } from '../stream/hub.ts'
import type { Pulsed, Pulse } from '../stream/pulse.ts'
import type { Sink, Source } from '../stream/sink.ts'
import type { StreamHost } from './channel-stream.ts'
import { ChannelStream } from './channel-stream.ts'
import { Outbox } from './outbox.ts'

/** Options of a channel. */
export interface ChannelOptions {
  readonly pulse: Pulse
  readonly hub: Pick<HubOptions, 'clock' | 'heartbeat' | 'drainTimeout'>
  readonly identity: Identity
  readonly maxEventBytes: number
  /** Called once, when the connection has ended. */
  onClose(reason: CloseReason): void
}

/** Bytes that are written at once, so that a connection which takes no more holds little. */
const WRITE_BYTES = 64 * 1024
/** Number of keys that are remembered to detect reuse; the oldest are forgotten first. */
const MAX_USED_KEYS = 1_000

const encoder = new TextEncoder()
const HEARTBEAT = encoder.encode(': heartbeat\n\n')

/** Writes what its streams have to send, and lets those that cannot send wait in their own memory. */
export class Channel implements Source, Pulsed, StreamHost {
  /** Unguessable, and known only to the client. */
  readonly id: string = crypto.randomUUID()
  readonly maxEventBytes: number
  readonly #options: ChannelOptions
  readonly #streams = new Map<string, ChannelStream>()
  /** Streams that have something to send, in the order of their turns. */
  readonly #ready = new Set<ChannelStream>()
  readonly #usedKeys = new Set<string>()
  readonly #outbox = new Outbox()
  #sink: Sink | undefined
  /**
   * - `new`: the connection has not started
   * - `blocked`: it takes no bytes
   */
  #state: 'new' | 'open' | 'blocked' | 'closed' = 'new'
  #isTakingTurns = false
  #isFlushScheduled = false
  #isClosing = false
  #identity: Identity
  /** When something was last written; before that, when the channel was created. */
  #lastWriteAt: number

  constructor(options: ChannelOptions) {
    this.#options = options
    this.maxEventBytes = options.maxEventBytes
    this.#identity = options.identity
    this.#lastWriteAt = this.now()
    options.pulse.add(this, this.#deadline)
  }

  /** Whose channel it is. */
  get subject(): string {
    return this.#identity.subject
  }

  /** Number of open streams. */
  get size(): number {
    return this.#streams.size
  }

  now(): number {
    return this.#options.hub.clock.now()
  }

  start(sink: Sink): void {
    if (this.#state === 'closed') return sink.end()
    const { heartbeat } = this.#options.hub
    const data = JSON.stringify({ channelId: this.id, ...(heartbeat > 0 ? { heartbeat } : {}) })
    this.#sink = sink
    this.#state = 'open'
    this.#write(encoder.encode(`: open\n\n${encodeFrame('channel', data)}\n`))
  }

  drained(): void {
    if (this.#state !== 'blocked') return
    this.#state = 'open'
    this.#takeTurns()
  }

  leave(): void {
    this.#close('left')
  }

  /** Ends the connection, and every stream with it. */
  end(reason: CloseReason): void {
    this.#flush()
    const sink = this.#sink
    if (this.#close(reason)) sink?.end()
  }

  /** Ends the connection as soon as it has no streams. */
  endWhenUnused(): void {
    this.#isClosing = true
    this.#endIfUnused()
  }

  /** Prolongs the channel if these credentials of its subject expire later. */
  renew(identity: Identity): void {
    if ((identity.expiresAt ?? Infinity) > (this.#identity.expiresAt ?? Infinity)) this.#identity = identity
  }

  /** Whether no stream has had this key. */
  isUnused(key: string): boolean {
    return !this.#usedKeys.has(key) && !this.#streams.has(key)
  }

  /** Adds a stream, whose key is unused. */
  open(key: string, window: number): ChannelStream {
    this.#usedKeys.add(key)
    if (this.#usedKeys.size > MAX_USED_KEYS) this.#usedKeys.delete(this.#usedKeys.values().next().value!)
    const stream = new ChannelStream(this, { key, window })
    this.#streams.set(key, stream)
    this.#options.pulse.hasten(this.#deadline)
    return stream
  }

  /** Returns a stream; `undefined` if it has ended. */
  find(key: string): ChannelStream | undefined {
    return this.#streams.get(key)
  }

  /** Closes a stream without another event; has no effect if it has ended. */
  close(key: string): void {
    const stream = this.#streams.get(key)
    if (!stream) return
    stream.close()
    this.onClosed(stream)
  }

  offer(stream: ChannelStream): void {
    if (this.#streams.get(stream.key) !== stream) return
    this.#ready.add(stream)
    this.#takeTurns()
  }

  onClosed(stream: ChannelStream): void {
    this.#streams.delete(stream.key)
    this.#ready.delete(stream)
    this.#endIfUnused()
  }

  onPulse(now: number): number {
    const { heartbeat, drainTimeout } = this.#options.hub
    for (const stream of this.#streams.values()) {
      if (stream.isStalled(now, drainTimeout)) stream.fail(502, 'The stream was not read for too long.')
    }
    this.#endIfUnused()
    if (this.#isWaiting) {
      if (now >= this.#lastWriteAt + drainTimeout) this.#cut()
    } else if (this.#isOpen && heartbeat > 0 && now >= this.#lastWriteAt + heartbeat) this.#write(HEARTBEAT)
    return this.#deadline
  }

  get #isOpen(): boolean {
    return this.#state === 'open'
  }

  get #isWaiting(): boolean {
    return this.#state === 'new' || this.#state === 'blocked'
  }

  /** Milliseconds until the credentials expire. */
  get #timeToExpiry(): number {
    return (this.#identity.expiresAt ?? Infinity) - this.#options.hub.clock.date()
  }

  get #deadline(): number {
    const { heartbeat, drainTimeout } = this.#options.hub
    const now = this.now()
    const next = this.#lastWriteAt + (this.#isWaiting ? drainTimeout : heartbeat || Infinity)
    // A channel that has expired ends with its last stream.
    const timeToExpiry = this.#timeToExpiry
    const expiry = timeToExpiry > 0 ? now + timeToExpiry : Infinity
    const stall = this.#streams.size > 0 ? now + drainTimeout : Infinity
    return Math.min(next, expiry, stall)
  }

  /** Lets the streams send as long as the connection has room. What they send in one turn of the loop is written at once. */
  #takeTurns(): void {
    if (!this.#isOpen || this.#isTakingTurns) return
    this.#isTakingTurns = true
    for (const stream of this.#ready) {
      this.#ready.delete(stream)
      stream.take(this.#outbox)
      if (stream.isReady) this.#ready.add(stream)
      if (this.#outbox.size >= WRITE_BYTES) this.#flush()
      if (!this.#isOpen) break
    }
    this.#isTakingTurns = false
    if (this.#outbox.size === 0 || this.#isFlushScheduled) return
    this.#isFlushScheduled = true
    queueMicrotask(() => {
      this.#isFlushScheduled = false
      this.#flush()
    })
  }

  #flush(): void {
    if (this.#isOpen && this.#outbox.size > 0) this.#write(this.#outbox.takeAll())
  }

  #write(bytes: Uint8Array): void {
    this.#lastWriteAt = this.now()
    const hasRoom = this.#sink!.write(bytes)
    if (!hasRoom && this.#isOpen) this.#state = 'blocked'
    this.#options.pulse.hasten(this.#deadline)
  }

  /** Ends a channel without streams if it is closing, or if no valid credentials are left. */
  #endIfUnused(): void {
    if (this.#streams.size > 0) return
    if (this.#isClosing) this.end('closed')
    else if (this.#timeToExpiry <= 0) this.end('expired')
  }

  #cut(): void {
    const sink = this.#sink
    if (this.#close('slow')) sink?.cut()
  }

  #close(reason: CloseReason): boolean {
    if (this.#state === 'closed') return false
    this.#state = 'closed'
    this.#sink = undefined
    this.#options.pulse.delete(this)
    for (const stream of this.#streams.values()) stream.close()
    this.#streams.clear()
    this.#ready.clear()
    this.#options.onClose(reason)
    return true
  }
}
