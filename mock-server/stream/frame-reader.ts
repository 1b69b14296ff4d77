/** Takes the bytes of one of the server's readers apart again, so that faults can alter its events. */
import type { CloseReason } from '../../server/base/instrument.ts'
import type { Sink, Source as ByteSource } from '../../server/stream/sink.ts'
import { parseId } from '../../server/stream/wire-id.ts'
import { createBlockParser } from '../../src/sse/parse.ts'
import type { Frame } from './frame.ts'
import type { Source } from './source.ts'

const endStates: Readonly<Partial<Record<CloseReason, 'expired' | 'cut'>>> = {
  expired: 'expired',
  behind: 'cut',
  slow: 'cut',
}

/** The server writes the index of a delta last. */
const DELTA_INDEX = /"index":(\d+)\}$/

/** The frames of a reader. Holds what the reader writes at once, and lets it continue when `pull` is called. */
export class FrameReader implements Source, Sink {
  readonly keepsTime = true
  readonly #source: ByteSource
  readonly #onClose: () => void
  readonly #parser = createBlockParser({
    maxEventSize: Infinity,
    onBlock: ({ type, data, id }) => {
      const index = type === 'delta' ? DELTA_INDEX.exec(data ?? '')?.[1] : undefined
      this.#frames.push({
        ...(index === undefined ? {} : { index: Number(index) }),
        ...(type === 'message' ? {} : { type }),
        ...(data === undefined ? {} : { data }),
        ...(id === undefined ? {} : { id }),
      })
    },
    // The first comment is written with the faults of a connection, some of which come before it.
    onComment: (comment) => void (comment === 'open' || this.#frames.push({ comment })),
  })
  readonly #watchers = new Set<() => void>()
  #frames: Frame[] = []
  #takenCount = 0
  /**
   * - `new`: the reader has not started
   * - `waiting`: it waits until more is asked for
   * - `writing`: it writes when it can
   */
  #phase: 'new' | 'waiting' | 'writing' | 'discarding' | 'closed' = 'new'
  #state: Source['state'] = 'open'
  #position = Infinity

  constructor(source: ByteSource, onClose: () => void) {
    this.#source = source
    this.#onClose = onClose
  }

  get state(): Source['state'] {
    return this.#state === 'ended' && this.#takenCount < this.#frames.length ? 'open' : this.#state
  }

  /** Whether the reader waits, although it may have more to write. */
  get isWaiting(): boolean {
    return this.#phase === 'new' || this.#phase === 'waiting'
  }

  /** Position of the last event that was read; `Infinity` before the first. */
  get position(): number {
    return this.#position
  }

  take(): Frame | undefined {
    if (this.#state === 'cut' || this.#state === 'expired') return undefined
    return this.#frames[this.#takenCount++] ?? this.#rewind()
  }

  pull(): void {
    const phase = this.#phase
    if (!this.isWaiting) return
    this.#phase = 'writing'
    if (phase === 'new') this.#source.start(this)
    else this.#source.drained()
  }

  discard(): void {
    this.pull()
    if (this.#phase === 'writing') this.#phase = 'discarding'
    this.#frames = []
    this.#takenCount = 0
  }

  watch(onUpdate: () => void): () => void {
    // A wrapper per call, so that the same callback can be registered twice.
    const watcher = (): void => onUpdate()
    this.#watchers.add(watcher)
    return () => void this.#watchers.delete(watcher)
  }

  close(): void {
    if (this.#phase === 'closed') return
    this.#phase = 'closed'
    this.#source.leave()
    this.#onClose()
  }

  /** Ends the stream on behalf of the server. */
  finish(state: 'cut' | 'ended'): void {
    this.#settle(state)
    this.close()
  }

  write(bytes: Uint8Array): boolean {
    if (this.#phase === 'discarding') return true
    this.#parser.push(bytes)
    this.#position = parseId(this.#frames.findLast(({ id }) => id !== undefined)?.id ?? '')?.position ?? this.#position
    this.#phase = 'waiting'
    this.#notify()
    return false
  }

  end(reason: CloseReason = 'done'): void {
    this.#settle(endStates[reason] ?? 'ended')
  }

  cut(): void {
    this.#settle('cut')
  }

  #settle(state: Source['state']): void {
    if (this.#state !== 'open') return
    this.#state = state
    this.#notify()
  }

  #rewind(): undefined {
    this.#frames = []
    this.#takenCount = 0
  }

  #notify(): void {
    for (const onUpdate of this.#watchers) onUpdate()
  }
}
