/** The dialect of OpenAI's Responses API, with background answers, which can be resumed and cancelled. */
import { HttpError } from '../../server/http/problem.ts'
import { fieldsOf, listOf, textOf } from '../../src/message/fields.ts'
import type { Exchange } from '../http/exchange.ts'
import { streamResponse } from '../http/exchange.ts'
import type { HttpResponse } from '../http/response.ts'
import { jsonResponse } from '../http/response.ts'
import type { Frame } from '../stream/frame.ts'
import type { Dialect, DialectEndpoint, KeptReply, Reply, TokenCounts } from './dialect.ts'
import { lastUserText } from './dialect.ts'
import { openaiError } from './openai-error.ts'
import type { ResponsesEvent } from './openai-items.ts'
import { eventsOf, itemOf } from './openai-items.ts'
import { partsOf, walkParts } from './parts.ts'

type Status = 'queued' | 'in_progress' | 'completed' | 'incomplete' | 'failed' | 'cancelled'

const usageOf = ({ input, output, reasoning, cached }: TokenCounts) => ({
  input_tokens: input,
  input_tokens_details: { cached_tokens: cached },
  output_tokens: output,
  output_tokens_details: { reasoning_tokens: reasoning },
  total_tokens: input + output,
})

const INCOMPLETE_REASONS: Readonly<Record<string, string>> = {
  length: 'max_output_tokens',
  'content-filter': 'content_filter',
}

function endStatus({ finish, error }: Reply): Status {
  if (error || finish === 'error') return 'failed'
  if (finish === 'cancelled') return 'cancelled'
  return finish in INCOMPLETE_REASONS ? 'incomplete' : 'completed'
}

const errorOf = ({ error }: Reply) => ({
  code: error?.code ?? 'server_error',
  message: error?.message ?? 'The model failed.',
})

/** Returns the response object. */
function responseOf(reply: Reply, status: Status) {
  const { id, request, created, deltas, finish, usage } = reply
  const { body, model } = request
  const isWhole = status === 'completed' || status === 'incomplete'
  const itemStatus = status === 'completed' ? 'completed' : 'incomplete'
  return {
    id: `resp_${id}`,
    object: 'response',
    created_at: Math.floor(created / 1_000),
    status,
    background: body['background'] === true,
    error: status === 'failed' ? errorOf(reply) : null,
    incomplete_details: status === 'incomplete' ? { reason: INCOMPLETE_REASONS[finish] } : null,
    instructions: body['instructions'] ?? null,
    max_output_tokens: body['max_output_tokens'] ?? null,
    metadata: body['metadata'] ?? {},
    model,
    output: isWhole ? partsOf(deltas).map((part) => itemOf(part, id, itemStatus)) : [],
    parallel_tool_calls: body['parallel_tool_calls'] ?? true,
    previous_response_id: body['previous_response_id'] ?? null,
    reasoning: body['reasoning'] ?? { effort: null, summary: null },
    store: body['store'] ?? true,
    temperature: body['temperature'] ?? 1,
    text: body['text'] ?? { format: { type: 'text' } },
    tool_choice: body['tool_choice'] ?? 'auto',
    tools: body['tools'] ?? [],
    top_p: body['top_p'] ?? 1,
    truncation: body['truncation'] ?? 'disabled',
    usage: isWhole ? usageOf(usage) : null,
  }
}

function* responsesEvents(reply: Reply): Generator<ResponsesEvent> {
  const { id, request, deltas, error } = reply
  const isBackground = request.body['background'] === true
  yield { type: 'response.created', response: responseOf(reply, isBackground ? 'queued' : 'in_progress') }
  if (isBackground) yield { type: 'response.queued', response: responseOf(reply, 'queued') }
  yield { type: 'response.in_progress', response: responseOf(reply, 'in_progress') }
  for (const step of walkParts(deltas, !error)) yield* eventsOf(step, id)
  const status = endStatus(reply)
  const last = { type: `response.${status}`, response: responseOf(reply, status) }
  if (status !== 'failed') return yield { ...last, index: deltas.length }
  yield { type: 'error', error: { type: 'server_error', ...errorOf(reply), param: null }, index: deltas.length }
  yield last
}

const frameOf = ({ type, index, ...fields }: ResponsesEvent, position: number): Frame => ({
  type,
  data: JSON.stringify({ type, ...fields, sequence_number: position }),
  ...(index !== undefined && { index }),
})

function findResponse({ identity }: Exchange, { playbacks }: DialectEndpoint, id: string) {
  const kept = playbacks.find<KeptReply>(id, identity.subject)
  if (!kept) throw new HttpError(404, `Response with id '${id}' not found.`)
  return kept
}

type Kept = ReturnType<typeof findResponse>

function currentResponse({ playback, details }: Kept) {
  if (details.isCancelled) return responseOf(details.reply, 'cancelled')
  return responseOf(details.reply, playback.state === 'running' ? 'in_progress' : endStatus(details.reply))
}

/** Sends the events after `starting_after`. */
function resume(exchange: Exchange, { playback, details }: Kept): HttpResponse {
  if (details.reply.request.body['background'] !== true)
    throw new HttpError(400, 'Streaming is only supported for responses that were created with background=true.')
  const after = exchange.url.searchParams.get('starting_after')
  if (after !== null && !/^\d+$/.test(after))
    throw new HttpError(400, "Invalid 'starting_after': expected a sequence number.")
  return streamResponse(exchange, playback.read(after === null ? 0 : Number(after) + 1))
}

function cancel(kept: Kept): HttpResponse {
  const { playback, details } = kept
  if (details.reply.request.body['background'] !== true)
    throw new HttpError(400, 'Cannot cancel a synchronous response.')
  if (playback.state === 'running') {
    details.isCancelled = true
    const event = { type: 'response.cancelled', response: responseOf(details.reply, 'cancelled') }
    playback.finish([frameOf(event, playback.length)])
  }
  return jsonResponse(200, currentResponse(kept))
}

/** The dialect of OpenAI's Responses API. */
export const openaiResponses: Dialect = {
  read(body) {
    const { input, model, stream, background, store, tools, tool_choice: choice } = body
    if (background === true && store === false) throw new HttpError(400, "Background mode requires 'store' to be true.")
    const name = textOf(fieldsOf(choice)['name'])
    return {
      prompt: typeof input === 'string' ? input : lastUserText('input', input),
      model: textOf(model) || 'rivulet-mock',
      stream: stream === true,
      isBackground: background === true,
      tools: listOf(tools).map((tool) => ({ name: textOf(tool['name']), schema: tool['parameters'] })),
      requiredTool: name ? { name } : choice === 'required' ? {} : undefined,
      keepAs: store === false ? undefined : 'resp_{id}',
      body,
    }
  },
  frames: (reply) => [...responsesEvents(reply)].map(frameOf),
  whole: (reply) => responseOf(reply, endStatus(reply)),
  begun: (reply) => responseOf(reply, 'queued'),
  error: openaiError,
  handle(exchange, endpoint) {
    const { method } = exchange.request
    const [, id = '', action] = exchange.path.slice(endpoint.path.length).split('/')
    if (!id && method === 'POST') return undefined
    const kept = findResponse(exchange, endpoint, decodeURIComponent(id))
    if (method === 'POST' && action === 'cancel') return cancel(kept)
    if (action !== undefined || method === 'POST') throw new HttpError(404, `No such path: ${exchange.path}.`)
    if (method === 'DELETE') {
      endpoint.playbacks.forget(id, exchange.identity.subject)
      return jsonResponse(200, { id, object: 'response', deleted: true })
    }
    const isStream = exchange.url.searchParams.get('stream') === 'true'
    return isStream ? resume(exchange, kept) : jsonResponse(200, currentResponse(kept))
  },
}
