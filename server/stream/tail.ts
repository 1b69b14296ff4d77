/** The tail of a stream: reads new events once for all readers of this process. */
import type { Clock } from '../base/clock.ts'
import type { CloseReason } from '../base/instrument.ts'
import { nextTurn } from '../base/next-turn.ts'
import type { EventLog, Page } from '../log/event-log.ts'
import { Chunk } from './chunk.ts'

/** A reader, as its tail sees it. */
export interface TailReader {
  /** Sends what the tail has read at the head. */
  deliver(chunk: Chunk): void
  /** Says that a page behind the head was read. */
  readOn(): void
  end(reason: CloseReason): void
  cut(reason: CloseReason): void
}

/** Options of a tail. */
export interface TailOptions {
  readonly log: EventLog
  readonly clock: Clock
  /** Name of the stream. */
  readonly stream: string
  /** Epoch of the log. If it changes, the readers are cut: their positions mean nothing any more. */
  readonly epoch: string
  /** First part of the event IDs. */
  readonly prefix: string
  /** Position from which the tail reads, with the nonce of the event there. */
  readonly head: number
  readonly nonce: string
  /** Milliseconds after which the log is read even if nothing has said that it has changed. */
  readonly lookInterval: number
  /** Called when the last reader was removed. */
  onEmpty(): void
}

/** How many bytes are read at a time. A connection that takes no more bytes holds at most one page. */
const PAGE_BYTES = 64 * 1024
/** How many chunks are kept for readers behind the head, which often come in groups. */
const MAX_CHUNKS = 8
/** Time until the log is read again after a failure. */
const RETRY_MS = 1_000

/**
 * Reads a stream at its head, at most one page per turn of the event loop, and gives the same bytes to all readers there.
 * Readers behind the head read pages of their own until they have reached it.
 */
export class Tail {
  readonly prefix: string
  readonly epoch: string
  readonly #options: TailOptions
  readonly #stop: () => void
  #cancelLook: (() => void) | undefined
  readonly #readers = new Set<TailReader>()
  /** Readers that have everything up to the head. */
  readonly #live = new Set<TailReader>()
  /** Chunks by the position and nonce before them, for readers behind the head; while one is being read, who waits. */
  readonly #chunks = new Map<string, Chunk | Set<TailReader>>()
  #head: number
  #nonce: string
  /** Whether the log may have events after the head. */
  #isBehind = true
  /** Whether a turn is scheduled, or a page at the head is being read. */
  #isReading = false
  /** Whether the head is the end of the stream. */
  #isClosed = false

  constructor(options: TailOptions) {
    this.#options = options
    this.prefix = options.prefix
    this.epoch = options.epoch
    this.#head = options.head
    this.#nonce = options.nonce
    this.#stop = options.log.tail(options.stream, () => this.look())
    this.#lookLater()
  }

  /** Position up to which the tail has read. */
  get head(): number {
    return this.#head
  }

  /** Adds a reader, which is then behind the head. */
  add(reader: TailReader): void {
    this.#readers.add(reader)
  }

  /** Removes a reader; without readers, the tail stops. */
  remove(reader: TailReader): void {
    this.#live.delete(reader)
    if (!this.#readers.delete(reader) || this.#readers.size > 0) return
    this.#stop()
    this.#cancelLook?.()
    this.#options.onEmpty()
  }

  /** Moves a reader to the head. */
  addLive(reader: TailReader): void {
    if (this.#isClosed) return reader.end('done')
    this.#live.add(reader)
    if (this.#live.size === this.#readers.size) this.#chunks.clear()
    if (this.#isBehind) this.#schedule()
  }

  removeLive(reader: TailReader): void {
    this.#live.delete(reader)
  }

  /** Looks for new events in the next turn. */
  look(): void {
    this.#isBehind = true
    if (this.#live.size > 0) this.#schedule()
  }

  /**
   * Returns the events after `position`, which is before the head. Returns `undefined` while they are being read, and
   * then calls `readOn` on the reader.
   */
  chunkAfter(position: number, nonce: string, reader: TailReader): Chunk | undefined {
    const key = `${position}-${nonce}`
    const known = this.#chunks.get(key)
    if (known instanceof Chunk) return known
    if (known) {
      known.add(reader)
      return undefined
    }
    const waiting = new Set([reader])
    this.#chunks.set(key, waiting)
    void this.#readPage(position, nonce)
      .catch(() => undefined)
      .then((page) => {
        if (page && page.events.length > 0) {
          this.#keep(key, new Chunk(page.events, this.prefix).upTo(this.#head))
          for (const waiter of waiting) waiter.readOn()
        } else {
          this.#chunks.delete(key)
          for (const waiter of waiting) waiter.cut('behind')
        }
      })
    return undefined
  }

  #keep(key: string, chunk: Chunk): void {
    this.#chunks.set(key, chunk)
    if (this.#chunks.size <= MAX_CHUNKS) return
    for (const [oldest, kept] of this.#chunks) {
      if (kept instanceof Chunk && oldest !== key) return void this.#chunks.delete(oldest)
    }
  }

  #lookLater(): void {
    const { clock, lookInterval } = this.#options
    if (lookInterval === Infinity) return
    const onDue = (): void => {
      this.look()
      this.#lookLater()
    }
    this.#cancelLook = clock.after(lookInterval, onDue, 'housekeeping')
  }

  #schedule(): void {
    if (this.#isReading) return
    this.#isReading = true
    nextTurn(() => {
      this.#readHead()
        .then(() => {
          this.#isReading = false
          if (this.#isBehind && this.#live.size > 0) this.#schedule()
        })
        .catch(() => {
          // The log cannot be reached: the readers lose nothing by waiting.
          const retry = (): void => {
            this.#isReading = false
            this.look()
          }
          this.#options.clock.after(RETRY_MS, retry, 'housekeeping')
        })
    })
  }

  async #readHead(): Promise<void> {
    this.#isBehind = false
    const page = await this.#readPage(this.#head, this.#nonce)
    if (!page) return this.#cutLive()
    if (page.events.length > 0) {
      const chunk = new Chunk(page.events, this.prefix)
      this.#head = chunk.last
      this.#nonce = chunk.nonce
      for (const reader of this.#live) reader.deliver(chunk)
    }
    if (this.#head < page.head) this.#isBehind = true
    else if (page.state === 'closed') {
      this.#isClosed = true
      for (const reader of this.#live) reader.end('done')
    }
  }

  /** Reads a page; `undefined` if what follows the event at `after` is not kept, or the event is another one now. */
  async #readPage(after: number, nonce: string): Promise<Page | undefined> {
    const { log, stream, epoch } = this.#options
    const page = await log.read(stream, after, { bytes: PAGE_BYTES })
    if (page?.epoch !== epoch || page.first > after + 1 || page.head < after) return undefined
    return after === 0 || page.previousNonce === '' || page.previousNonce === nonce ? page : undefined
  }

  #cutLive(): void {
    for (const reader of this.#live) reader.cut('behind')
  }
}
