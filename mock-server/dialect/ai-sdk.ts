/** The dialect of the AI SDK: its UI message stream, version 1. */
import { listOf, textOf } from '../../src/message/fields.ts'
import { streamResponse } from '../http/exchange.ts'
import { emptyResponse } from '../http/response.ts'
import type { Frame } from '../stream/frame.ts'
import type { Dialect, Reply } from './dialect.ts'
import { contentText } from './dialect.ts'
import type { PartStep } from './parts.ts'
import { inputOf, walkParts } from './parts.ts'

const HEADERS = { 'x-vercel-ai-ui-message-stream': 'v1' }
const FINISH_REASONS = ['stop', 'length', 'content-filter', 'tool-calls', 'error']

/** Returns the fields of the chunk that a step makes. */
function chunkOf(step: PartStep): object {
  if (step.step === 'result') return { type: 'tool-output-available', toolCallId: step.id, output: step.output }
  const { part } = step
  const { id: toolCallId, name: toolName } = part
  if (part.type === 'tool-call') {
    if (step.step === 'begin') return { type: 'tool-input-start', toolCallId, toolName }
    if (step.step === 'delta') return { type: 'tool-input-delta', toolCallId, inputTextDelta: step.content }
    return { type: 'tool-input-available', toolCallId, toolName, input: inputOf(part) }
  }
  const type = part.type === 'reasoning' ? 'reasoning' : 'text'
  const id = `${part.position}`
  if (step.step === 'delta') return { type: `${type}-delta`, id, delta: step.content }
  return { type: step.step === 'begin' ? `${type}-start` : `${type}-end`, id }
}

function* framesOf({ id, deltas, error, finish, usage }: Reply): Generator<Frame> {
  const frame = (fields: object, index?: number): Frame => ({
    data: JSON.stringify(fields),
    ...(index !== undefined && { index }),
  })
  yield frame({ type: 'start', messageId: id })
  yield frame({ type: 'start-step' })
  for (const step of walkParts(deltas, !error)) yield frame(chunkOf(step), 'index' in step ? step.index : undefined)
  if (error) yield frame({ type: 'error', errorText: error.message }, deltas.length)
  else if (finish === 'cancelled') yield frame({ type: 'abort' }, deltas.length)
  else {
    const { input, output, reasoning, cached } = usage
    const counts = { inputTokens: input, outputTokens: output, totalTokens: input + output }
    const details = {
      ...(reasoning > 0 && { reasoningTokens: reasoning }),
      ...(cached > 0 && { cachedInputTokens: cached }),
    }
    const finishReason = FINISH_REASONS.includes(finish) ? finish : 'other'
    yield frame({ type: 'finish-step' }, deltas.length)
    yield frame({ type: 'finish', finishReason, messageMetadata: { usage: { ...counts, ...details } } })
  }
  yield { data: '[DONE]' }
}

/** The dialect of the AI SDK's UI message stream. */
export const aiSdk: Dialect = {
  headers: HEADERS,
  read(body) {
    const last = listOf(body['messages']).findLast(({ role }) => role === 'user')
    return {
      prompt: contentText(last?.['parts'] ?? last?.['content']) || textOf(body['prompt']),
      model: 'rivulet-mock',
      stream: true,
      keepAs: textOf(body['id']) || undefined,
      body,
    }
  },
  frames: (reply) => [...framesOf(reply)],
  // The transport of the SDK throws the text of the response.
  error: (_status, message) => ({ body: message, headers: { 'content-type': 'text/plain; charset=utf-8' } }),
  handle(exchange, { path, playbacks }) {
    if (exchange.request.method !== 'GET') return undefined
    const [, chatId = ''] = /^\/([^/]+)\/stream$/.exec(exchange.path.slice(path.length)) ?? []
    const kept = playbacks.find(decodeURIComponent(chatId), exchange.identity.subject)
    if (kept?.playback.state !== 'running') return emptyResponse(204)
    const response = streamResponse(exchange, kept.playback.read())
    for (const [name, value] of Object.entries(HEADERS)) response.headers.set(name, value)
    return response
  },
}
