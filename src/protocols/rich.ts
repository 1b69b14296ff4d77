/** What the protocols of all vendors have in common. */
import { readRefusal } from './failure.ts'
import type { Protocol } from './protocol.ts'
import type { Delta, Message } from '../message/message.ts'
import { type MessageOptions, createReducer } from '../message/reduce.ts'

/** Milliseconds without an event after which a stream has stalled, even if its server sends comments. */
const STALL_TIMEOUT_MS = 1_800_000

type RichProtocol = Required<Pick<Protocol<Delta, void, Message>, 'text' | 'reduce' | 'refusal' | 'timeouts'>>

/** Returns the members that the protocols of all vendors share. */
export const richProtocol = (options: MessageOptions | undefined): RichProtocol => ({
  text: (delta: Delta): string => (delta.type === 'text' ? delta.content : ''),
  reduce: createReducer(options),
  refusal: readRefusal,
  timeouts: { stallTimeout: STALL_TIMEOUT_MS },
})

/** Numbers the blocks of a message, by keys that a vendor's events name. */
export class BlockNumbers {
  readonly #numbers = new Map<unknown, number>()
  /** Number of blocks that have begun. */
  count = 0

  /** Returns the number of a block, a new one if it begins now. */
  of(key: unknown): number {
    const known = this.#numbers.get(key)
    if (known !== undefined) return known
    this.#numbers.set(key, this.count)
    return this.count++
  }

  /** Returns whether a block has begun. */
  has(key: unknown): boolean {
    return this.#numbers.has(key)
  }

  /** Lets a key name a block that has another one. */
  alias(key: unknown, number: number): void {
    this.#numbers.set(key, number)
  }

  /** Returns the number of a block that has no key. */
  next(): number {
    return this.count++
  }

  /** Forgets the blocks from `from` on. */
  truncate(from: number): void {
    for (const [key, number] of this.#numbers) if (number >= from) this.#numbers.delete(key)
    this.count = from
  }
}
