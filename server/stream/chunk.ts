/** A chunk: consecutive events of a stream, encoded once for all readers. */
import type { LogEvent } from '../log/event-log.ts'
import type { View } from './view.ts'

const encoder = new TextEncoder()
const NO_BYTES = new Uint8Array(0)

/** Consecutive events. */
export class Chunk {
  /** Position before the first event. */
  readonly after: number
  /** Position of the last event. */
  readonly last: number
  /** Nonce of the last event. */
  readonly nonce: string
  /** First part of the event IDs. */
  readonly #prefix: string
  readonly #events: readonly LogEvent[]
  #view: View | undefined
  #bytes = NO_BYTES
  #otherViews: Map<string, Uint8Array> | undefined

  /** `events` has at least one event. */
  constructor(events: readonly LogEvent[], prefix: string) {
    const last = events.at(-1)!
    this.after = events[0]!.position - 1
    this.last = last.position
    this.nonce = last.nonce
    this.#events = events
    this.#prefix = prefix
  }

  /** Returns the encoded events; without bytes if the view leaves out all of them. */
  bytes(view: View): Uint8Array {
    if (view === this.#view) return this.#bytes
    if (!this.#view) {
      this.#view = view
      this.#bytes = this.#encode(view)
      return this.#bytes
    }
    this.#otherViews ??= new Map()
    let bytes = this.#otherViews.get(view.key)
    if (!bytes) {
      bytes = this.#encode(view)
      this.#otherViews.set(view.key, bytes)
    }
    return bytes
  }

  /** Returns the part up to `position`, of which there is at least one event. */
  upTo(position: number): Chunk {
    if (position >= this.last) return this
    return new Chunk(this.#events.slice(0, position - this.after), this.#prefix)
  }

  /** Returns the part after `position`, of which there is at least one event. */
  from(position: number): Chunk {
    if (position <= this.after) return this
    return new Chunk(this.#events.slice(position - this.after), this.#prefix)
  }

  #encode(view: View): Uint8Array<ArrayBuffer> {
    return encoder.encode(view.encode(this.#events, this.#prefix))
  }
}
