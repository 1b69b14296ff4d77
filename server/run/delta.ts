/** What a run generates: deltas, an end, or an error (PROTOCOL.md 3.1, 3.6 and 3.7). */

import type { Delta as MessageDelta, FinishReason, Usage as MessageUsage } from '../../src/message/message.ts'

export type { FinishReason } from '../../src/message/message.ts'

/** A piece of an answer. Text may be given as a string, or without its type and block. */
export type Delta =
  | string
  | { readonly type?: 'text' | 'reasoning' | 'refusal'; readonly content: string; readonly block?: number }
  | Exclude<MessageDelta, { readonly content: string }>

/** An event of another type between the deltas (PROTOCOL.md 3.1), for servers that are built on this one. */
export class OtherEvent {
  readonly type: string
  readonly data: object

  constructor(type: string, data: object) {
    this.type = type
    this.data = data
  }
}

/** What `generate` may return: the data of the `end` event. */
export interface End {
  /** @defaultValue 'stop' */
  readonly finishReason?: FinishReason | undefined
  /** The reason in the words of the model's vendor. */
  readonly rawFinishReason?: string | undefined
  readonly usage?: Usage | undefined
}

/** Numbers of tokens. */
export type Usage = Omit<MessageUsage, 'raw'>

const BRAND = Symbol.for('rivulet.RunError')

/**
 * Thrown by `generate`: the run ends with an `error` event that has this code and message. Of any other error, the client
 * learns only the code `internal`.
 *
 * @example
 * ```ts
 * throw new RunError('overloaded', 'The model is busy.', { retryable: true })
 * ```
 */
export class RunError extends Error {
  override readonly name: string = 'RunError'
  readonly code: string
  readonly retryable: boolean

  constructor(code: string, message: string, options: { readonly retryable?: boolean; readonly cause?: unknown } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : {})
    this.code = code
    this.retryable = options.retryable ?? false
    // Development servers load a module twice: the class of another copy is not this one.
    Object.defineProperty(this, BRAND, { value: true })
  }
}

/** Returns whether a value is a `RunError`, also of another copy of this package. */
export const isRunError = (value: unknown): value is RunError =>
  (value as Readonly<Record<symbol, unknown>> | null | undefined)?.[BRAND] === true
