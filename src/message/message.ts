/** The one shape of answers from every vendor: the deltas that arrive, and the message that they build. */

/** A part of an answer as it arrives. `block` numbers the blocks of the message, in the order in which they begin. */
export type Delta =
  | {
      readonly type: 'text' | 'reasoning' | 'refusal'
      readonly block: number
      /** Text to append. */
      readonly content: string
      /** The vendor's own block, once it is known. */
      readonly raw?: unknown
    }
  | {
      readonly type: 'tool-call'
      readonly block: number
      /** ID by which the result refers to the call. */
      readonly id?: string
      readonly name?: string
      /** The next piece of the arguments' text. */
      readonly args: string
      /** Whether the vendor runs the tool itself. */
      readonly server?: boolean
      /** The vendor's own block, once it is known. */
      readonly raw?: unknown
    }
  | { readonly type: 'tool-result'; readonly id: string; readonly output: unknown; readonly error?: string }
  | {
      readonly type: 'source'
      readonly block: number
      readonly url?: string
      readonly title?: string
      /** The vendor's own description of the source. */
      readonly raw: unknown
    }
  /** What has no common shape. A later delta of the same block replaces its data. */
  | { readonly type: 'data'; readonly block: number; readonly name: string; readonly data: unknown }
  /** Discards the blocks from `from` on: the vendor has begun that part of the answer again. */
  | { readonly type: 'reset'; readonly from: number }

/** A call of a tool. */
export interface ToolCall {
  readonly type: 'tool-call'
  /** ID by which the result refers to the call. */
  readonly id: string
  readonly name: string
  /** The arguments as text, as far as they have arrived. */
  readonly args: string
  /**
   * The arguments as a value: as far as they have arrived, if the protocol was made with `partialJson`; otherwise once
   * they are whole. `undefined` if they are not JSON.
   */
  readonly input?: unknown
  /** Whether the vendor runs the tool itself. */
  readonly server: boolean
  readonly output?: unknown
  /** Why the tool has failed. */
  readonly error?: string
  /** The vendor's own block, to be sent back unchanged. */
  readonly raw?: unknown
}

/** A text, reasoning, or refusal. */
export interface TextBlock {
  readonly type: 'text' | 'reasoning' | 'refusal'
  readonly content: string
  /** The vendor's own block, to be sent back unchanged: it may contain a signature or encrypted reasoning. */
  readonly raw?: unknown
}

/** A part of a message. It is replaced by another object when it changes. */
export type Block =
  | TextBlock
  | ToolCall
  | { readonly type: 'source'; readonly url?: string; readonly title?: string; readonly raw: unknown }
  | { readonly type: 'data'; readonly name: string; readonly data: unknown }

/** An answer as far as it has arrived. */
export interface Message {
  /** The vendor's ID of the answer. */
  readonly id?: string
  /** Name of the model. */
  readonly model?: string
  readonly blocks: readonly Block[]
}

/** Number of tokens, as the vendor counts them. */
export interface Usage {
  /** All tokens of the input, including cached ones. */
  readonly inputTokens: number
  /** All tokens of the output, including those of reasoning. */
  readonly outputTokens: number
  /** Tokens of reasoning. */
  readonly reasoningTokens?: number
  /** Tokens of the input that were read from a cache. */
  readonly cachedTokens?: number
  /** What the vendor has sent. */
  readonly raw: unknown
}

/** Why an answer has ended. */
export type FinishReason = 'stop' | 'length' | 'tool-calls' | 'content-filter' | 'paused' | 'error' | 'cancelled'
