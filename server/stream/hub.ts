/** The hub of a server: all readers of this process, and the tails of the streams that they read. */
import type { Clock } from '../base/clock.ts'
import type { Instrument, ReaderRecord } from '../base/instrument.ts'
import type { EventLog, Page } from '../log/event-log.ts'
import { Pulse } from './pulse.ts'
import { Reader } from './reader.ts'
import { Tail } from './tail.ts'
import type { View } from './view.ts'

/** Options of a hub. Durations are in milliseconds. */
export interface HubOptions {
  readonly log: EventLog
  readonly clock: Clock
  readonly instrument: Instrument
  /** Interval of heartbeats; 0 disables them. */
  readonly heartbeat: number
  /** How long a connection may take no bytes. */
  readonly drainTimeout: number
}

/** Options of `Hub.open`. */
export interface OpenOptions {
  /** Name of the stream in the log. */
  readonly stream: string
  /** What was read of the stream to find the position. */
  readonly page: Page
  /** First part of the event IDs. */
  readonly prefix: string
  readonly position: number
  readonly nonce: string
  /** Interval of heartbeats in milliseconds, 0 for none. @defaultValue that of the hub */
  readonly heartbeat?: number | undefined
  /** Milliseconds after which the log is read even if nothing has said that it has changed. @defaultValue never */
  readonly lookInterval?: number
  /** Text that is sent before any event. */
  readonly opening: string
  readonly replay: View
  readonly live: View
  /** When the credentials of the reader expire, in milliseconds since the Unix epoch. */
  readonly expiresAt: number | undefined
  readonly record: ReaderRecord
  /** Called once, when the response has ended. */
  onClose?(): void
}

const encoder = new TextEncoder()

/** Opens and closes readers. */
export class Hub {
  readonly options: HubOptions
  /** The timer of all readers and channels. */
  readonly pulse: Pulse
  readonly #tails = new Map<string, Tail>()
  /** Open responses, and of what kind their streams are. */
  readonly #readers = new Map<Reader, ReaderRecord['kind']>()
  readonly #closed = new Set<ReaderRecord['kind']>()

  constructor(options: HubOptions) {
    this.options = options
    this.pulse = new Pulse(options.clock)
  }

  /** Number of open responses. */
  get size(): number {
    return this.#readers.size
  }

  /** Creates a reader, which writes once a connection starts it. */
  open(options: OpenOptions): Reader {
    const { clock, instrument, drainTimeout } = this.options
    const { record, expiresAt, heartbeat = this.options.heartbeat } = options
    const tail = this.#tail(options)
    const openedAt = clock.now()
    const opening = encoder.encode(`: open\n\n${options.opening}`)
    const { onClose } = options
    const reader: Reader = new Reader(tail, this.pulse, opening, {
      position: options.position,
      nonce: options.nonce,
      replay: options.replay,
      live: options.live,
      heartbeat,
      drainTimeout,
      expiry: expiresAt === undefined ? Infinity : openedAt + Math.max(0, expiresAt - clock.date()),
      onClose: (reason) => {
        this.#readers.delete(reader)
        instrument({ type: 'close', reason, duration: clock.now() - openedAt, ...record })
        onClose?.()
      },
    })
    tail.add(reader)
    this.#readers.set(reader, record.kind)
    instrument({ type: 'open', ...record })
    if (this.#closed.has(record.kind)) reader.end('closed')
    return reader
  }

  /** Ends the responses of feeds or runs, also those that are being opened, so that clients continue on another process. */
  close(kind: ReaderRecord['kind']): void {
    this.#closed.add(kind)
    for (const [reader, readerKind] of this.#readers) if (readerKind === kind) reader.end('closed')
  }

  #tail({ stream, page, prefix, lookInterval = Infinity }: OpenOptions): Tail {
    const existing = this.#tails.get(stream)
    if (existing?.epoch === page.epoch) return existing
    const { log, clock } = this.options
    const tail: Tail = new Tail({
      log,
      clock,
      stream,
      epoch: page.epoch,
      prefix,
      head: page.head,
      nonce: page.nonce,
      lookInterval,
      onEmpty: () => {
        if (this.#tails.get(stream) === tail) this.#tails.delete(stream)
      },
    })
    this.#tails.set(stream, tail)
    return tail
  }
}
