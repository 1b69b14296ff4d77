/** The last appends of a feed's senders, by which the memory log recognizes a repeated one. */
import type { AppendOptions } from './event-log.ts'

type SenderOption = NonNullable<AppendOptions['sender']>

/** How many senders of a feed are remembered. */
const MAX_SENDERS = 64
/** How many appends of a sender can be repeated. */
const MAX_APPENDS = 256

/** Positions of appends by sender and sequence. */
export class Senders {
  /** The position of each append; the one with `sequence` has the index `sequence % MAX_APPENDS`. */
  readonly #senders = new Map<string, { sequence: number; readonly positions: number[] }>()

  /**
   * Returns the position of a repeated append; `undefined` for a new one.
   * @throws RangeError if the append is too old to be recognized
   */
  find({ id, sequence }: SenderOption): number | undefined {
    const newest = this.#senders.get(id)?.sequence ?? 0
    if (sequence > newest) return undefined
    if (sequence <= newest - MAX_APPENDS) throw new RangeError(`append: the sequence ${sequence} is too old`)
    return this.#senders.get(id)!.positions[sequence % MAX_APPENDS]
  }

  remember({ id, sequence }: SenderOption, position: number): void {
    const sender = this.#senders.get(id) ?? { sequence, positions: [] }
    sender.sequence = sequence
    sender.positions[sequence % MAX_APPENDS] = position
    // The sender that has sent least recently is forgotten first.
    this.#senders.delete(id)
    this.#senders.set(id, sender)
    if (this.#senders.size > MAX_SENDERS) this.#senders.delete(this.#senders.keys().next().value!)
  }
}
