/** The protocol of OpenAI's chat completions: chunks of `choices`, terminated by `[DONE]`. */
import type { Protocol, Step } from './protocol.ts'

/**
 * One chunk of a chat completion, with all fields that the server sent. Only the fields used here are typed.
 */
export interface ChatChunk {
  readonly id?: string
  readonly model?: string
  readonly choices?: readonly {
    readonly index: number
    readonly delta?: { readonly role?: string; readonly content?: string | null; readonly [field: string]: unknown }
    readonly finish_reason?: string | null
  }[]
  readonly usage?: unknown
  readonly error?: { readonly message?: string; readonly code?: string | null; readonly type?: string }
}

/** A part of the generated text. */
export interface ChatDelta {
  /** Text to append. */
  readonly content: string
  /** Index of the choice that the text belongs to. */
  readonly choice: number
  /** The chunk that the server sent. */
  readonly chunk: ChatChunk
}

/**
 * Returns the protocol of OpenAI's chat completions, which many other servers implement. `run.text` is the text of the
 * first choice. Chunks without text (tool calls, roles, usage) are passed to `run.on('message')`. A stream that ends
 * before `[DONE]` fails with code `truncated`.
 *
 * @example
 * ```ts
 * const messages = [{ role: 'user', content: 'Hello' }]
 * const json = { model: 'gpt-5', stream: true, messages }
 * const run = client.stream('/v1/chat/completions', { protocol: openaiChat(), json })
 * for await (const { content } of run) console.log(content)
 * ```
 */
export function openaiChat(): Protocol<ChatDelta> {
  return {
    map({ data }, state) {
      if (data === '[DONE]') {
        return [{ type: 'end', finishReason: state['reason'] as string | undefined, usage: state['usage'] }]
      }
      const chunk: ChatChunk = JSON.parse(data)
      const { choices = [], usage, error } = chunk
      if (error) return [{ type: 'error', message: error.message ?? 'Error', code: error.code ?? error.type }]
      if (usage) state['usage'] = usage
      const steps: Step<ChatDelta>[] = []
      for (const { index, delta, finish_reason: reason } of choices) {
        if (reason && !index) state['reason'] = reason
        if (delta?.content) steps.push({ type: 'delta', delta: { content: delta.content, choice: index, chunk } })
      }
      return steps
    },
    text: ({ content, choice }) => (choice ? '' : content),
  }
}
