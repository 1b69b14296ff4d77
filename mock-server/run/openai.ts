/** `POST /v1/chat/completions`: answers in the format of OpenAI's API, for clients of third-party servers. */
import type { Clock } from '../../server/base/clock.ts'
import { HttpError } from '../../server/http/problem.ts'
import { readJson } from '../http/body.ts'
import type { Handler } from '../http/exchange.ts'
import { streamResponse } from '../http/exchange.ts'
import type { HttpResponse } from '../http/response.ts'
import { jsonResponse } from '../http/response.ts'
import type { Frame } from '../stream/frame.ts'
import type { Source } from '../stream/source.ts'
import type { RunEndpoint } from './run-handlers.ts'
import { planRun } from './run-handlers.ts'
import { createRun } from './run.ts'
import type { FrameEncoder, Run } from './run.ts'

const DONE_FRAME: Frame = { data: '[DONE]' }

/** Returns the text of the last user message, whose content is a string or an array of parts. */
function parsePrompt(messages: unknown): string {
  if (!Array.isArray(messages)) throw new HttpError(400, 'messages: expected an array.')
  const last: unknown = messages.findLast((message: { role?: unknown } | null) => message?.role === 'user')
  const content: unknown = (last as { content?: unknown } | undefined)?.content
  const parts: unknown[] = Array.isArray(content)
    ? content.map((part: { text?: unknown } | null) => part?.text)
    : [content]
  const texts = parts.filter((part): part is string => typeof part === 'string')
  if (texts.length === 0)
    throw new HttpError(400, 'messages: expected a message with the role "user" and text content.')
  return texts.join('\n')
}

const toOpenAiUsage = (usage: Readonly<Record<string, number>>): Record<string, number> => {
  const { inputTokens = 0, outputTokens = 0 } = usage
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
  }
}

/** Creates an encoder for chunks without IDs or event names, then the usage if requested, then `[DONE]`. */
function createChunkEncoder(id: string, model: string, created: number, includesUsage: boolean): FrameEncoder {
  const chunk = (fields: Record<string, unknown>): Frame => ({
    data: JSON.stringify({ id, object: 'chat.completion.chunk', created, model, ...fields }),
  })
  const choice = (delta: unknown, finish: string | null = null): Frame =>
    chunk({
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
      ...(includesUsage ? { usage: null } : {}),
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
        const usage = toOpenAiUsage(data['usage'] as Record<string, number>)
        return [
          choice({}, data['finishReason'] as string),
          ...(includesUsage ? [chunk({ choices: [], usage })] : []),
          DONE_FRAME,
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

/** Wraps a source to cancel the run when the reader leaves, because these runs cannot be resumed. */
const cancelOnClose = (run: Run, source: Source): Source => ({
  take: () => source.take(),
  get state() {
    return source.state
  },
  watch: (onUpdate) => source.watch(onUpdate),
  close() {
    source.close()
    run.cancel()
  },
})

/** Responds with the complete answer once it has been generated, for `stream: false`. */
function respondWhole(
  run: Run,
  id: string,
  model: string,
  created: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<HttpResponse> {
  return new Promise((resolve) => {
    let finishReason = 'stop'
    let usage: Record<string, number> = {}
    const source = run.read(0, ({ type, data }) => {
      if (type === 'end') {
        finishReason = data['finishReason'] as string
        usage = toOpenAiUsage(data['usage'] as Record<string, number>)
      }
      return type === 'error' ? [{ data: data['message'] as string }] : []
    })
    const checkFinished = (): void => {
      const failure = source.take()
      if (!failure && source.state === 'open') return
      unwatch()
      cancelCheck()
      source.close()
      signal.removeEventListener('abort', onAbort)
      if (failure) return resolve(jsonResponse(500, { error: { message: failure.data, type: 'server_error' } }))
      const message = { role: 'assistant', content: run.text, refusal: null }
      const choices = [{ index: 0, message, logprobs: null, finish_reason: finishReason }]
      resolve(jsonResponse(200, { id, object: 'chat.completion', created, model, choices, usage }))
    }
    const onAbort = (): void => run.cancel()
    const unwatch = source.watch(checkFinished)
    signal.addEventListener('abort', onAbort)
    // A run without delays has already finished, so `watch` reports nothing. Check once `unwatch` has been assigned.
    const cancelCheck = clock.after(0, checkFinished)
  })
}

/** Creates the handler of requests for chat completions, streamed or not. */
export function chatCompletions(endpoint: Omit<RunEndpoint, 'registry'>): Handler {
  return async (exchange) => {
    const {
      messages,
      model,
      stream,
      stream_options: streamOptions,
    } = await readJson(exchange.request, endpoint.bodyLimit)
    const prompt = parsePrompt(messages)
    const run = createRun(planRun(exchange, endpoint, prompt), exchange.clock)
    const id = `chatcmpl-${run.id}`
    const modelName = typeof model === 'string' ? model : 'rivulet-mock'
    const created = Math.floor(exchange.clock.date() / 1_000)
    if (stream !== true) return respondWhole(run, id, modelName, created, exchange.clock, exchange.signal)
    const includesUsage = (streamOptions as { include_usage?: unknown } | undefined)?.include_usage === true
    return streamResponse(
      exchange,
      cancelOnClose(run, run.read(0, createChunkEncoder(id, modelName, created, includesUsage))),
    )
  }
}
