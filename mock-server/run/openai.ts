/** `POST /v1/chat/completions`: answers in the format of OpenAI's API, for clients of third-party servers. */
import { HttpError } from '../../server/http/problem.ts'
import type { Usage } from '../../server/run/delta.ts'
import { readJson } from '../http/body.ts'
import type { Exchange, Handler } from '../http/exchange.ts'
import { streamResponse } from '../http/exchange.ts'
import type { HttpResponse } from '../http/response.ts'
import { jsonResponse } from '../http/response.ts'
import type { Frame } from '../stream/frame.ts'
import type { AnswerEvent } from './answer-source.ts'
import { createAnswerSource, readAnswer } from './answer-source.ts'
import type { AnswerEndpoint } from './run-handlers.ts'
import { planRun } from './run-handlers.ts'
import type { RunPlan } from './run.ts'

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

const toOpenAiUsage = ({ inputTokens = 0, outputTokens = 0 }: Partial<Usage> = {}): Record<string, number> => {
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
  }
}

/** What all chunks of an answer have in common. */
interface Completion {
  readonly id: string
  readonly model: string
  readonly created: number
}

/** Creates an encoder for chunks without IDs or event names, then the usage if requested, then `[DONE]`. */
function createChunkEncoder(completion: Completion, includesUsage: boolean): (event: AnswerEvent) => Frame[] {
  const chunk = (fields: Record<string, unknown>): Frame => ({
    data: JSON.stringify({ ...completion, object: 'chat.completion.chunk', ...fields }),
  })
  const choice = (delta: unknown, finish: string | null = null): Frame =>
    chunk({
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
      ...(includesUsage ? { usage: null } : {}),
    })
  const encodeOther = ({ type, data }: { readonly type: string; readonly data: object }): Frame[] => {
    if (type === 'tool_call') return [choice({ tool_calls: [{ index: 0, ...data }] })]
    return type === 'reasoning' ? [choice({ reasoning_content: (data as { content?: unknown }).content })] : []
  }
  return (event) => {
    switch (event.type) {
      case 'start':
        return [choice({ role: 'assistant', content: '', refusal: null })]
      case 'delta':
        return [choice({ content: event.content })]
      case 'other':
        return encodeOther(event.event)
      case 'end':
        return [
          choice({}, event.end.finishReason),
          ...(includesUsage ? [chunk({ choices: [], usage: toOpenAiUsage(event.end.usage) })] : []),
          DONE_FRAME,
        ]
      case 'error':
        return [{ data: JSON.stringify({ error: { message: event.message, type: 'server_error', code: event.code } }) }]
    }
  }
}

/** Responds with the complete answer once it has been generated, for `stream: false`. */
async function respondWhole(exchange: Exchange, plan: RunPlan, completion: Completion): Promise<HttpResponse> {
  let content = ''
  for await (const event of readAnswer(plan, exchange.clock, exchange.signal)) {
    if (event.type === 'delta') content += event.content
    if (event.type === 'error') return jsonResponse(500, { error: { message: event.message, type: 'server_error' } })
    if (event.type !== 'end') continue
    const message = { role: 'assistant', content, refusal: null }
    const choices = [{ index: 0, message, logprobs: null, finish_reason: event.end.finishReason }]
    return jsonResponse(200, {
      ...completion,
      object: 'chat.completion',
      choices,
      usage: toOpenAiUsage(event.end.usage),
    })
  }
  throw new HttpError(503, 'The client has disconnected.')
}

/** Creates the handler of requests for chat completions, streamed or not. */
export function chatCompletions(endpoint: AnswerEndpoint & { readonly bodyLimit: number }): Handler {
  return async (exchange) => {
    const {
      messages,
      model,
      stream,
      stream_options: streamOptions,
    } = await readJson(exchange.request, endpoint.bodyLimit)
    const plan = planRun(exchange, endpoint, parsePrompt(messages))
    const completion = {
      id: `chatcmpl-${crypto.randomUUID()}`,
      model: typeof model === 'string' ? model : 'rivulet-mock',
      created: Math.floor(exchange.clock.date() / 1_000),
    }
    if (stream !== true) return respondWhole(exchange, plan, completion)
    const includesUsage = (streamOptions as { include_usage?: unknown } | undefined)?.include_usage === true
    const encode = createChunkEncoder(completion, includesUsage)
    return streamResponse(exchange, createAnswerSource(plan, exchange.clock, encode))
  }
}
