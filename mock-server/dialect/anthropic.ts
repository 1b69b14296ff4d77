/** The dialect of Anthropic's Messages API. */
import { HttpError } from '../../server/http/problem.ts'
import { fieldsOf, listOf, textOf } from '../../src/message/fields.ts'
import type { Frame } from '../stream/frame.ts'
import type { Dialect, Reply, TokenCounts } from './dialect.ts'
import { lastUserText } from './dialect.ts'
import type { Part } from './parts.ts'
import { inputOf, partsOf, walkParts } from './parts.ts'

/** Sent back unchanged with thinking; this one is no real signature. */
const SIGNATURE = 'bW9jayBzaWduYXR1cmU='
const STOP_REASONS: Readonly<Record<string, string>> = {
  length: 'max_tokens',
  'tool-calls': 'tool_use',
  'content-filter': 'refusal',
  paused: 'pause_turn',
}
const ERROR_TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  500: 'api_error',
  504: 'timeout_error',
  529: 'overloaded_error',
}

const stopReasonOf = ({ finish }: Reply): string => STOP_REASONS[finish] ?? 'end_turn'

const inputUsage = ({ input, cached }: TokenCounts) => ({
  input_tokens: input - cached,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: cached,
})
const outputUsage = ({ output, reasoning }: TokenCounts) => ({
  output_tokens: output,
  ...(reasoning > 0 && { output_tokens_details: { thinking_tokens: reasoning } }),
})

/** Returns a block as it begins, before its deltas. */
function emptyBlock({ type, id, name }: Part): object {
  if (type === 'tool-call') return { type: 'tool_use', id, name, input: {} }
  return type === 'reasoning' ? { type: 'thinking', thinking: '', signature: '' } : { type: 'text', text: '' }
}

function wholeBlock(part: Part): object {
  const { type, content } = part
  if (type === 'tool-call') return { ...emptyBlock(part), input: inputOf(part) }
  if (type === 'reasoning') return { type: 'thinking', thinking: content, signature: SIGNATURE }
  return { type: 'text', text: content }
}

function deltaOf({ type }: Part, content: string): object {
  if (type === 'tool-call') return { type: 'input_json_delta', partial_json: content }
  return type === 'reasoning' ? { type: 'thinking_delta', thinking: content } : { type: 'text_delta', text: content }
}

const messageOf = ({ id, request }: Reply) => ({
  id: `msg_${id}`,
  type: 'message',
  role: 'assistant',
  model: request.model,
})

const frameOf = (type: string, fields: object, index?: number): Frame => ({
  type,
  data: JSON.stringify({ type, ...fields }),
  ...(index !== undefined && { index }),
})

function* framesOf(reply: Reply): Generator<Frame> {
  const { deltas, usage, error } = reply
  const started = {
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { ...inputUsage(usage), output_tokens: 1 },
  }
  yield frameOf('message_start', { message: { ...messageOf(reply), ...started } })
  for (const step of walkParts(deltas, !error)) {
    if (step.step === 'result') continue
    const { position: index } = step.part
    const { step: kind, part } = step
    if (kind === 'begin') {
      yield frameOf('content_block_start', { index, content_block: emptyBlock(part) })
      if (index === 0) yield frameOf('ping', {})
    } else if (kind === 'delta') {
      const delta = deltaOf(part, step.content)
      yield frameOf('content_block_delta', { index, delta }, step.index)
    } else {
      const signature = { type: 'signature_delta', signature: SIGNATURE }
      if (part.type === 'reasoning') yield frameOf('content_block_delta', { index, delta: signature })
      yield frameOf('content_block_stop', { index })
    }
  }
  if (error) {
    const { message, code = 'overloaded_error' } = error
    return yield frameOf('error', errorOf(code, message), deltas.length)
  }
  const delta = { stop_reason: stopReasonOf(reply), stop_sequence: null }
  const counts = { ...inputUsage(usage), ...outputUsage(usage) }
  yield frameOf('message_delta', { delta, usage: counts }, deltas.length)
  yield frameOf('message_stop', {})
}

const errorOf = (type: string, message: string) => ({
  type: 'error',
  error: { type, message },
  request_id: `req_${crypto.randomUUID()}`,
})

/** The dialect of Anthropic's Messages API. */
export const anthropic: Dialect = {
  read(body) {
    const { messages, model, stream, max_tokens: maxTokens, tools, tool_choice: toolChoice } = body
    const prompt = lastUserText('messages', messages)
    if (!Number.isInteger(maxTokens)) throw new HttpError(400, 'max_tokens: Field required')
    const { type, name } = fieldsOf(toolChoice)
    const required = type === 'any' ? {} : type === 'tool' ? { name: textOf(name) } : undefined
    return {
      prompt,
      model: textOf(model) || 'rivulet-mock',
      stream: stream === true,
      tools: listOf(tools).map((tool) => ({ name: textOf(tool['name']), schema: tool['input_schema'] })),
      requiredTool: required,
      body,
    }
  },
  frames: (reply) => [...framesOf(reply)],
  whole: (reply) => ({
    ...messageOf(reply),
    content: partsOf(reply.deltas).map(wholeBlock),
    stop_reason: stopReasonOf(reply),
    stop_sequence: null,
    usage: { ...inputUsage(reply.usage), ...outputUsage(reply.usage) },
  }),
  error(status, message) {
    const body = errorOf(ERROR_TYPES[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error'), message)
    return {
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', 'request-id': body.request_id },
    }
  },
}
