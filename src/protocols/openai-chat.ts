/** OpenAI's chat completions: chunks of `choices`, ended by `[DONE]`. */
import type { Protocol, Step } from './protocol.ts'

/** One chunk of a chat completion, as far as it is needed here; further fields are passed on as they are. */
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

/** A piece of the answer. */
export interface ChatDelta {
  readonly content: string
  /** Which of the choices it belongs to. */
  readonly choice: number
  readonly chunk: ChatChunk
}

/**
 * Chat completions of OpenAI and of the many servers that speak its format. A stream that ends before `[DONE]` is
 * `truncated`. Chunks without text (tool calls, roles, usage) are heard with `run.on('message')`; the text of the
 * first choice is `run.text`.
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
