/** Answers made of blocks, and the deltas in which they are sent. */
import type { Delta, FinishReason, Usage } from '../../src/message/message.ts'

/** A part of an answer. */
export type AnswerBlock =
  | { readonly text: string }
  | { readonly reasoning: string }
  | { readonly refusal: string }
  | {
      /** Name of the tool that the model calls. */
      readonly tool: string
      /** Arguments of the call. @defaultValue {} */
      readonly input?: unknown
      /** ID of the call. @defaultValue a new one */
      readonly id?: string
      /** Result of the call, if the server runs the tool; only for our own protocol, the AI SDK and AG-UI. */
      readonly output?: unknown
    }

/** A complete answer: text, or blocks in the order in which they are sent. */
export type Answer = string | readonly AnswerBlock[]

/** Numbers of tokens that an answer reports. */
export type AnswerUsage = Partial<Omit<Usage, 'raw'>>

/** An answer with its end. */
export interface AnswerPlan {
  readonly answer: Answer
  /** Why the answer ends. @defaultValue 'tool-calls' if the application has to run a tool, otherwise 'stop' */
  readonly finish?: FinishReason | undefined
  /** Numbers of tokens to report. @defaultValue the length of the prompt, and the number of deltas */
  readonly usage?: AnswerUsage | undefined
}

const FINISH_REASONS = ['stop', 'length', 'tool-calls', 'content-filter', 'paused', 'error', 'cancelled']
const TEXT_TYPES = ['text', 'reasoning', 'refusal'] as const
const BLOCK_KEYS = [...TEXT_TYPES, 'tool']

const isToolCall = (block: AnswerBlock): block is Extract<AnswerBlock, { tool: string }> => 'tool' in block

/**
 * Validates an answer.
 * @throws `TypeError` that names the block and the expected value
 */
export function parseAnswer(value: unknown): Answer {
  if (typeof value === 'string') return value
  if (!Array.isArray(value)) throw new TypeError('answer: expected a string or an array of blocks')
  for (const [index, block] of (value as unknown[]).entries()) {
    const keys = typeof block === 'object' && block ? BLOCK_KEYS.filter((key) => key in block) : []
    const [key = ''] = keys
    if (keys.length !== 1 || typeof (block as Record<string, unknown>)[key] !== 'string')
      throw new TypeError(`answer[${index}]: expected an object with one of ${BLOCK_KEYS.join(', ')}, as a string`)
  }
  return value as Answer
}

/**
 * Validates a finish reason.
 * @throws `TypeError` that lists the reasons
 */
export function parseFinishReason(value: unknown): FinishReason | undefined {
  if (value === undefined || FINISH_REASONS.includes(value as string)) return value as FinishReason | undefined
  throw new TypeError(`finish: expected one of ${FINISH_REASONS.join(', ')}, got ${JSON.stringify(value)}`)
}

/** Returns the plan of an answer that has none. */
export const planOf = (answer: Answer | AnswerPlan): AnswerPlan =>
  typeof answer === 'object' && 'answer' in answer ? answer : { answer }

/** Returns whether the application has to run a tool that the answer calls. */
export function needsTool(answer: Answer): boolean {
  return typeof answer !== 'string' && answer.some((block) => isToolCall(block) && block.output === undefined)
}

/** Splits an answer into deltas; `split` cuts the text of a block, and the JSON text of arguments, into pieces. */
export function createDeltas(answer: Answer, split: (text: string) => readonly string[]): Delta[] {
  const blocks = typeof answer === 'string' ? [{ text: answer }] : answer
  return blocks.flatMap((entry, block): Delta[] => {
    if (isToolCall(entry)) {
      const { tool: name, input = {}, output, id = `call_${crypto.randomUUID()}` } = entry
      const pieces = split(JSON.stringify(input)).map((args): Delta => ({ type: 'tool-call', block, args }))
      const result: Delta[] = output === undefined ? [] : [{ type: 'tool-result', id, output }]
      return [{ type: 'tool-call', block, id, name, args: '' }, ...pieces, ...result]
    }
    const type = TEXT_TYPES.find((key) => key in entry)!
    const text = (entry as Record<string, string>)[type]!
    return split(text).map((content) => ({ type, block, content }))
  })
}
