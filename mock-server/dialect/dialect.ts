/** A dialect: how a vendor's requests are read, and how answers and errors are written. */
import { HttpError } from '../../server/http/problem.ts'
import type { Fields } from '../../src/message/fields.ts'
import { listOf, textOf } from '../../src/message/fields.ts'
import type { Delta, FinishReason } from '../../src/message/message.ts'
import type { Exchange } from '../http/exchange.ts'
import type { HttpResponse } from '../http/response.ts'
import type { GenerateAnswer } from '../run/answers.ts'
import type { Frame } from '../stream/frame.ts'
import type { Playbacks } from '../replay/playbacks.ts'

/** A tool that a request offers to the model. */
export interface Tool {
  readonly name: string
  /** JSON Schema of its arguments. */
  readonly schema: unknown
}

/** What an answer depends on in a request. */
export interface ModelRequest {
  /** Text of the last message of the user; empty if there is none. */
  readonly prompt: string
  readonly model: string
  /** Whether the answer is streamed. */
  readonly stream: boolean
  readonly tools?: readonly Tool[]
  /** Whether the model has to call a tool: any, or the one with this name. */
  readonly requiredTool?: { readonly name?: string | undefined } | undefined
  /** Key under which the answer can be read again. The answer's own ID replaces `{id}`. */
  readonly keepAs?: string | undefined
  /** Whether a request without `stream` is answered at once, and the answer is read later. */
  readonly isBackground?: boolean
  /** The parsed body. */
  readonly body: Fields
}

/** Numbers of tokens. */
export interface TokenCounts {
  readonly input: number
  /** All tokens of the output, including those of reasoning. */
  readonly output: number
  readonly reasoning: number
  readonly cached: number
}

/** An answer, before a dialect writes it. */
export interface Reply {
  readonly id: string
  readonly request: ModelRequest
  /** Milliseconds since the Unix epoch. */
  readonly created: number
  readonly deltas: readonly Delta[]
  readonly finish: FinishReason
  readonly usage: TokenCounts
  /** Ends the answer after its deltas, instead of `finish`. */
  readonly error: { readonly message: string; readonly code: string | undefined } | undefined
}

/** An answer that can be read again. */
export interface KeptReply {
  readonly reply: Reply
  isCancelled: boolean
}

/** How a vendor reports an error. */
export interface VendorError {
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
}

/** An endpoint of a dialect. */
export interface DialectEndpoint {
  readonly path: string
  readonly generateAnswer: GenerateAnswer
  /** Milliseconds between deltas, unless a rule overrides it. */
  readonly delay: number
  readonly unit: 'character' | 'token'
  readonly bodyLimit: number
  readonly playbacks: Playbacks
}

/** A dialect. */
export interface Dialect {
  /** Response headers of a stream. */
  readonly headers?: Readonly<Record<string, string>>
  /** Line ending of a stream. @defaultValue 'lf' */
  readonly newline?: 'crlf'
  /**
   * Reads the request of an answer.
   * @throws `HttpError` for a request that the vendor refuses
   */
  read(body: Fields, exchange: Exchange): ModelRequest
  /** Writes an answer as a stream. Frames with an `index` are deltas, which are paced. */
  frames(reply: Reply): readonly Frame[]
  /** Writes an answer as one JSON value. Without it, every answer is streamed. */
  whole?(reply: Reply): unknown
  /** Writes an answer in the background that has just begun. */
  begun?(reply: Reply): unknown
  /** Writes an error. */
  error(status: number, message: string): VendorError
  /** Handles a request that does not start an answer, such as resuming and cancelling; `undefined` if it does. */
  handle?(exchange: Exchange, endpoint: DialectEndpoint): HttpResponse | Promise<HttpResponse> | undefined
}

/** Returns the text of a content: a string, or parts with a `text`. */
export function contentText(content: unknown): string {
  if (typeof content === 'string') return content
  return listOf(content)
    .flatMap(({ text }) => textOf(text) || [])
    .join('\n')
}

/**
 * Returns the text of the last message of the user that has any.
 * @throws `HttpError` 400 if there is none; `name` names the messages
 */
export function lastUserText(name: string, messages: unknown, partsName = 'content'): string {
  if (!Array.isArray(messages)) throw new HttpError(400, `${name}: expected an array.`)
  const last = listOf(messages).findLast((message) => message['role'] === 'user' && contentText(message[partsName]))
  if (!last) throw new HttpError(400, `${name}: expected a message with the role "user" and text content.`)
  return contentText(last[partsName])
}
