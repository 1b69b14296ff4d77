/** The text of an answer, as far as it was generated. */
import type { Delta } from './delta.ts'

/** Collects the text of deltas. */
export class AnswerText {
  /** Consecutive text of one block. */
  #parts: { readonly block: number; text: string }[] = []

  get text(): string {
    return this.#parts.map(({ text }) => text).join('')
  }

  add(delta: Exclude<Delta, string>): void {
    if (delta.type === 'reset') {
      const { from } = delta
      this.#parts = this.#parts.filter(({ block }) => block < from)
      return
    }
    if (delta.type !== undefined && delta.type !== 'text') return
    const { content, block = 0 } = delta
    const last = this.#parts.at(-1)
    if (last?.block === block) last.text += content
    else this.#parts.push({ block, text: content })
  }
}
