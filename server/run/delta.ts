/** What a run generates: deltas, an end, or an error (PROTOCOL.md 3.1, 3.6 and 3.7). */

/** A piece of an answer. Text may be given as a string. */
export type Delta =
  | string
  | { readonly type?: 'text' | 'reasoning' | 'refusal'; readonly content: string; readonly block?: number }
  | {
      readonly type: 'tool-call'
      readonly block: number
      readonly id?: string
      readonly name?: string
      /** The next piece of the JSON text of the arguments. */
      readonly args: string
      /** Whether the server itself calls the tool. */
      readonly server?: boolean
    }
  | { readonly type: 'tool-result'; readonly id: string; readonly output: unknown; readonly error?: unknown }
  | {
      readonly type: 'source'
      readonly block: number
      readonly url?: string
      readonly title?: string
      readonly raw: unknown
    }
  | { readonly type: 'data'; readonly block: number; readonly name: string; readonly data: unknown }
  /** The blocks from `from` on are void. */
  | { readonly type: 'reset'; readonly from: number }

/** Why an answer ended. */
export type FinishReason = 'stop' | 'length' | 'tool-calls' | 'content-filter' | 'paused' | 'error' | 'cancelled'

/** What `generate` may return: the data of the `end` event. */
export interface End {
  /** @defaultValue 'stop' */
  readonly finishReason?: FinishReason | undefined
  /** The reason in the words of the model's vendor. */
  readonly rawFinishReason?: string | undefined
  readonly usage?: Usage | undefined
}

/** Numbers of tokens. */
export interface Usage {
  readonly inputTokens: number
  readonly outputTokens: number
  readonly reasoningTokens?: number
  readonly cachedTokens?: number
}

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
