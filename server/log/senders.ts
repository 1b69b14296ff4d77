/** The last appends of a feed's senders, by which the memory log recognizes a repeated one. */
import type { AppendOptions } from './event-log.ts'

type SenderOption = NonNullable<AppendOptions['sender']>

/** How many senders of a feed are remembered. */
const MAX_SENDERS = 64
/** How many appends of a sender can be repeated. */
const MAX_APPENDS = 256

interface Sender {
  /** The highest sequence. */
  readonly newest: number
  /** The position of each append by its sequence; a number that was never used is missing. */
  readonly positions: Map<number, number>
}

/** Positions of appends by sender and sequence. */
export class Senders {
  readonly #senders = new Map<string, Sender>()

  /**
   * Returns the position of a repeated append; `undefined` for a new one.
   * @throws RangeError if the append is too old to be recognized
   */
  find({ id, sequence }: SenderOption): number | undefined {
    const sender = this.#senders.get(id)
    if (!sender) return undefined
    if (sequence <= sender.newest - MAX_APPENDS) throw new RangeError(`append: the sequence ${sequence} is too old`)
    return sender.positions.get(sequence)
  }

  remember({ id, sequence }: SenderOption, position: number): void {
    const { newest, positions } = this.#senders.get(id) ?? { newest: 0, positions: new Map<number, number>() }
    const sender = { newest: Math.max(newest, sequence), positions: positions.set(sequence, position) }
    // Almost always in ascending order, so that this removes one number and ends at the next.
    for (const old of positions.keys()) {
      if (old > sender.newest - MAX_APPENDS) break
      positions.delete(old)
    }
    // The sender that has sent least recently is forgotten first.
    this.#senders.delete(id)
    this.#senders.set(id, sender)
    if (this.#senders.size > MAX_SENDERS) this.#senders.delete(this.#senders.keys().next().value!)
  }
}
