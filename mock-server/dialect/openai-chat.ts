/** The dialect of OpenAI's chat completions. */
import { HttpError } from '../../server/http/problem.ts'
import { fieldsOf, listOf, textOf } from '../../src/message/fields.ts'
import type { Frame } from '../stream/frame.ts'
import type { Dialect, Reply, TokenCounts } from './dialect.ts'
import { lastUserText } from './dialect.ts'
import { openaiError } from './openai-error.ts'
import type { Part } from './parts.ts'
import { contentOf, partsOf, walkParts } from './parts.ts'

const MAX_CHOICES = 128
const FINISH_REASONS: Readonly<Record<string, string>> = {
  'tool-calls': 'tool_calls',
  'content-filter': 'content_filter',
  paused: 'stop',
}

const finishOf = ({ finish }: Reply): string => FINISH_REASONS[finish] ?? finish

const usageOf = ({ input, output, reasoning, cached }: TokenCounts, choices: number) => ({
  prompt_tokens: input,
  completion_tokens: output * choices,
  total_tokens: input + output * choices,
  prompt_tokens_details: { cached_tokens: cached },
  completion_tokens_details: { reasoning_tokens: reasoning * choices },
})

const choiceCount = ({ request }: Reply): number => Number(request.body['n'] ?? 1)
const choiceIndexes = (reply: Reply): number[] => Array.from({ length: choiceCount(reply) }, (_, index) => index)

const toolCallOf = ({ id, name, content }: Part) => ({ id, type: 'function', function: { name, arguments: content } })

/** Returns the log probabilities of a piece of text, if the request asks for them. */
function logprobsOf({ request: { body } }: Reply, token: string): unknown {
  if (body['logprobs'] !== true) return null
  const known = { token, logprob: -0.01, bytes: [...new TextEncoder().encode(token)] }
  const alternatives = Array.from({ length: Number(body['top_logprobs'] ?? 0) }, (_, rank) => ({
    ...known,
    logprob: -0.01 - rank,
  }))
  return { content: [{ ...known, top_logprobs: alternatives }], refusal: null }
}

/** Returns the delta of a chunk. */
function deltaOf(part: Part, content: string, isFirst: boolean, callIndex: number): unknown {
  if (part.type === 'reasoning') return { reasoning_content: content }
  if (part.type === 'refusal') return { refusal: content }
  if (part.type === 'text') return { content }
  const call = isFirst ? toolCallOf(part) : { function: { arguments: content } }
  return { tool_calls: [{ index: callIndex, ...call }] }
}

function* framesOf(reply: Reply): Generator<Frame> {
  const { id, request, created, deltas, usage, error } = reply
  const includesUsage = fieldsOf(request.body['stream_options'])['include_usage'] === true
  const chunk = (fields: object, index?: number): Frame => ({
    data: JSON.stringify({
      id: `chatcmpl-${id}`,
      object: 'chat.completion.chunk',
      created: Math.floor(created / 1_000),
      model: request.model,
      ...fields,
    }),
    ...(index !== undefined && { index }),
  })
  /** Returns a chunk for each choice; only the first one is paced. */
  const chunks = (delta: unknown, finish: string | null, logprobs: unknown, deltaIndex?: number): Frame[] =>
    choiceIndexes(reply).map((index) => {
      const choice = { index, delta, logprobs, finish_reason: finish }
      return chunk({ choices: [choice], ...(includesUsage && { usage: null }) }, index === 0 ? deltaIndex : undefined)
    })

  yield* chunks({ role: 'assistant', content: '', refusal: null }, null, null)
  let callCount = 0
  for (const step of walkParts(deltas, !error)) {
    if (step.step !== 'delta') continue
    const { part, content, index, isFirst } = step
    if (part.type === 'tool-call' && isFirst) callCount++
    const logprobs = part.type === 'text' ? logprobsOf(reply, content) : null
    yield* chunks(deltaOf(part, content, isFirst, callCount - 1), null, logprobs, index)
  }
  if (error) {
    const { message, code = null } = error
    return yield { data: JSON.stringify({ error: { message, type: 'server_error', code } }), index: deltas.length }
  }
  yield* chunks({}, finishOf(reply), null, deltas.length)
  if (includesUsage) yield chunk({ choices: [], usage: usageOf(usage, choiceCount(reply)) })
  yield { data: '[DONE]' }
}

/** The dialect of OpenAI's chat completions. */
export const openaiChat: Dialect = {
  read(body) {
    const prompt = lastUserText('messages', body['messages'])
    const { n = 1, logprobs, top_logprobs: topLogprobs, tools, tool_choice: choice, model, stream } = body
    if (!Number.isInteger(n) || Number(n) < 1 || Number(n) > MAX_CHOICES)
      throw new HttpError(400, `Invalid 'n': expected an integer from 1 to ${MAX_CHOICES}.`)
    if (topLogprobs !== undefined && logprobs !== true)
      throw new HttpError(400, "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.")
    if (
      topLogprobs !== undefined &&
      !(Number.isInteger(topLogprobs) && Number(topLogprobs) >= 0 && Number(topLogprobs) <= 20)
    )
      throw new HttpError(400, "Invalid 'top_logprobs': expected an integer from 0 to 20.")
    const offered = listOf(tools).map((tool) => fieldsOf(tool['function']))
    const name = textOf(fieldsOf(fieldsOf(choice)['function'])['name'])
    return {
      prompt,
      model: textOf(model) || 'rivulet-mock',
      stream: stream === true,
      tools: offered.map((tool) => ({ name: textOf(tool['name']), schema: tool['parameters'] })),
      requiredTool: name ? { name } : choice === 'required' ? {} : undefined,
      body,
    }
  },
  frames: (reply) => [...framesOf(reply)],
  whole(reply) {
    const { id, request, created, deltas, usage } = reply
    const parts = partsOf(deltas)
    const calls = parts.filter(({ type }) => type === 'tool-call').map(toolCallOf)
    const [content, reasoning, refusal] = (['text', 'reasoning', 'refusal'] as const).map((type) =>
      contentOf(parts, type),
    )
    const message = {
      role: 'assistant',
      content: content || (calls.length > 0 ? null : content),
      refusal: refusal || null,
      ...(reasoning && { reasoning_content: reasoning }),
      ...(calls.length > 0 && { tool_calls: calls }),
    }
    const logprobs = logprobsOf(reply, content ?? '')
    return {
      id: `chatcmpl-${id}`,
      object: 'chat.completion',
      created: Math.floor(created / 1_000),
      model: request.model,
      choices: choiceIndexes(reply).map((index) => ({ index, message, logprobs, finish_reason: finishOf(reply) })),
      usage: usageOf(usage, choiceCount(reply)),
    }
  },
  error: openaiError,
}
