/** Groups the deltas of an answer into the parts that vendors begin and end. */
import type { Delta } from '../../src/message/message.ts'

/** A part of an answer: text, reasoning, a refusal, or a tool call. */
export interface Part {
  readonly type: 'text' | 'reasoning' | 'refusal' | 'tool-call'
  /** Position in the answer, from 0. */
  readonly position: number
  /** ID and name of a tool call, otherwise empty. */
  readonly id: string
  readonly name: string
  /** The content or arguments so far. */
  readonly content: string
}

/** A step in writing an answer. */
export type PartStep =
  | { readonly step: 'begin'; readonly part: Part }
  | { readonly step: 'end'; readonly part: Part }
  | {
      readonly step: 'delta'
      readonly part: Part
      /** The next piece of the content or arguments. */
      readonly content: string
      /** Number of the delta in the answer, from 0. */
      readonly index: number
      /** Whether it is the first delta of the part. */
      readonly isFirst: boolean
    }
  | { readonly step: 'result'; readonly id: string; readonly output: unknown; readonly index: number }

/**
 * Returns the steps that write the deltas. An answer that fails in the middle of a part does not end it, which
 * `isWhole: false` says.
 */
export function* walkParts(deltas: readonly Delta[], isWhole: boolean): Generator<PartStep> {
  let block = -1
  let part: Part | undefined
  let position = 0
  for (const [index, delta] of deltas.entries()) {
    if (part && (delta.type === 'tool-result' || ('block' in delta && delta.block !== block))) {
      yield { step: 'end', part }
      part = undefined
    }
    if (delta.type === 'tool-result') yield { step: 'result', id: delta.id, output: delta.output, index }
    if (!('content' in delta || 'args' in delta)) continue
    const isCall = delta.type === 'tool-call'
    const isFirst = !part
    if (!part) {
      block = delta.block
      const named = isCall ? { id: delta.id ?? '', name: delta.name ?? '' } : { id: '', name: '' }
      part = { type: delta.type, position: position++, ...named, content: '' }
      yield { step: 'begin', part }
    }
    const content = isCall ? delta.args : delta.content
    part = { ...part, content: part.content + content }
    yield { step: 'delta', part, content, index, isFirst }
  }
  if (part && isWhole) yield { step: 'end', part }
}

/** Returns the whole parts of an answer. */
export function partsOf(deltas: readonly Delta[]): Part[] {
  return [...walkParts(deltas, true)].flatMap((step) => (step.step === 'end' ? [step.part] : []))
}

/** Returns the content of all parts of a type. */
export function contentOf(parts: readonly Part[], type: Part['type']): string {
  return parts
    .filter((part) => part.type === type)
    .map(({ content }) => content)
    .join('')
}

/** Returns the arguments of a whole tool call as a value. */
export const inputOf = ({ content }: Part): unknown => JSON.parse(content || '{}')
