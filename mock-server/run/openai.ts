/** `POST /v1/chat/completions`: an answer as OpenAI's API streams it, for clients of servers that are not ours. */
import type { Clock } from '../base/clock.ts'
import type { Answer } from '../http/response.ts'
import { json } from '../http/response.ts'
import { readJson } from '../http/body.ts'
import type { Handler } from '../http/exchange.ts'
import { streamAnswer } from '../http/exchange.ts'
import { Refusal } from '../http/problem.ts'
import type { Frame } from '../stream/frame.ts'
import type { Source } from '../stream/source.ts'
import { createRun } from './run.ts'
import type { Dialect, Run } from './run.ts'
import type { RunEndpoint } from './run-handlers.ts'
import { planRun } from './run-handlers.ts'

const DONE: Frame = { data: '[DONE]' }

/** The prompt is the last message of the user; its content is a text or a list of parts. */
function promptOf(messages: unknown): string {
  if (!Array.isArray(messages)) throw new Refusal(400, 'messages: expected a list.')
  const last: unknown = messages.findLast((message: { role?: unknown } | null) => message?.role === 'user')
  const content: unknown = (last as { content?: unknown } | undefined)?.content
  const parts: unknown[] = Array.isArray(content)
    ? content.map((part: { text?: unknown } | null) => part?.text)
    : [content]
  const texts = parts.filter((part): part is string => typeof part === 'string')
  if (texts.length === 0)
    throw new Refusal(400, 'messages: expected one with the role "user" and a text as its content.')
  return texts.join('\n')
}

const usageOf = (usage: Readonly<Record<string, number>>): Record<string, number> => {
  const { promptTokens = 0, completionTokens = 0 } = usage
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  }
}

/** Chunks without ids and without event names, then usage where it was asked for, then `[DONE]`. */
function chunksDialect(id: string, model: string, created: number, wantsUsage: boolean): Dialect {
  const chunk = (fields: Record<string, unknown>): Frame => ({
    data: JSON.stringify({ id, object: 'chat.completion.chunk', created, model, ...fields }),
  })
  const choice = (delta: unknown, finish: string | null = null): Frame =>
    chunk({
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
      ...(wantsUsage ? { usage: null } : {}),
    })
  return ({ type, data }) => {
    switch (type) {
      case 'start':
        return [choice({ role: 'assistant', content: '', refusal: null })]
      case 'delta':
        return [choice({ content: data['content'] })]
      case 'tool_call':
        return [choice({ tool_calls: [{ index: 0, ...data }] })]
      case 'reasoning':
        return [choice({ reasoning_content: data['content'] })]
      case 'end': {
        const usage = usageOf(data['usage'] as Record<string, number>)
        return [
          choice({}, data['finishReason'] as string),
          ...(wantsUsage ? [chunk({ choices: [], usage })] : []),
          DONE,
        ]
      }
      case 'error':
        return [
          { data: JSON.stringify({ error: { message: data['message'], type: 'server_error', code: data['code'] } }) },
        ]
      default:
        return []
    }
  }
}

/** Nobody resumes these: when the reader leaves, the generation stops. */
const cancelling = (run: Run, source: Source): Source => ({
  take: () => source.take(),
  get state() {
    return source.state
  },
  watch: (wake) => source.watch(wake),
  close() {
    source.close()
    run.cancel()
  },
})

/** The whole answer at once, for `stream: false`; waits for the end of the generation. */
function whole(
  run: Run,
  id: string,
  model: string,
  created: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<Answer> {
  return new Promise((resolve) => {
    let finishReason = 'stop'
    let usage: Record<string, number> = {}
    const source = run.read(0, ({ type, data }) => {
      if (type === 'end') {
        finishReason = data['finishReason'] as string
        usage = usageOf(data['usage'] as Record<string, number>)
      }
      return type === 'error' ? [{ data: data['message'] as string }] : []
    })
    const look = (): void => {
      const failure = source.take()
      if (!failure && source.state === 'open') return
      unwatch()
      cancelLook()
      source.close()
      signal.removeEventListener('abort', leave)
      if (failure) return resolve(json(500, { error: { message: failure.data, type: 'server_error' } }))
      const message = { role: 'assistant', content: run.text, refusal: null }
      const choices = [{ index: 0, message, logprobs: null, finish_reason: finishReason }]
      resolve(json(200, { id, object: 'chat.completion', created, model, choices, usage }))
    }
    const leave = (): void => run.cancel()
    const unwatch = source.watch(look)
    signal.addEventListener('abort', leave)
    // Looked at a task later: what was made at once is there before `unwatch` is.
    const cancelLook = clock.after(0, look)
  })
}

/** Answers chat completions, streamed or whole. */
export function chatCompletions(endpoint: Omit<RunEndpoint, 'registry'>): Handler {
  return async (exchange) => {
    const {
      messages,
      model,
      stream,
      stream_options: streamOptions,
    } = await readJson(exchange.request, endpoint.bodyLimit)
    const prompt = promptOf(messages)
    const run = createRun(planRun(exchange, endpoint, prompt), exchange.clock)
    const id = `chatcmpl-${run.id}`
    const name = typeof model === 'string' ? model : 'rivulet-mock'
    const created = Math.floor(exchange.clock.date() / 1_000)
    if (stream !== true) return whole(run, id, name, created, exchange.clock, exchange.signal)
    const wantsUsage = (streamOptions as { include_usage?: unknown } | undefined)?.include_usage === true
    return streamAnswer(exchange, cancelling(run, run.read(0, chunksDialect(id, name, created, wantsUsage))))
  }
}
