/** The protocol of OpenAI's chat completions, with what other servers make of it: chunks of `choices`, then `[DONE]`. */
import { failureStep } from './failure.ts'
import { type Fields, fieldsOf, listOf, mergeFields, textOf, usageOf } from '../message/fields.ts'
import type { Delta, Message } from '../message/message.ts'
import type { MessageOptions } from '../message/reduce.ts'
import { BlockNumbers, richProtocol } from './rich.ts'
import type { End, Protocol, Step } from './protocol.ts'

interface ChatState {
  readonly blocks: BlockNumbers
  /** IDs of the calls, by key. */
  readonly ids: Map<unknown, string>
  /** Keys of the newest calls, by index or what stands for it. */
  readonly keys: Map<unknown, unknown>
  /** Index of the last piece of a call, or what stands for it. */
  slot: unknown
  hasStarted: boolean
  reason: string
  usage: Fields | undefined
  audio: Fields
  /** Encrypted reasoning and signatures, which are sent back with the next request (OpenRouter). */
  readonly reasoningDetails: Fields[]
  /** Number of the citations received, which each chunk repeats (Perplexity). */
  citationCount: number
}

const FINISH_REASONS: Readonly<Record<string, string>> = {
  stop: 'stop',
  length: 'length',
  tool_calls: 'tool-calls',
  function_call: 'tool-calls',
  content_filter: 'content-filter',
  error: 'error',
}

const endOf = ({ reason, usage }: ChatState): End => ({
  finishReason: FINISH_REASONS[reason] ?? (reason.startsWith('function_call_filter') ? 'error' : reason || undefined),
  rawFinishReason: reason || undefined,
  usage: usageOf(
    usage,
    usage?.['prompt_tokens'],
    usage?.['completion_tokens'],
    fieldsOf(usage?.['completion_tokens_details'])['reasoning_tokens'],
    fieldsOf(usage?.['prompt_tokens_details'])['cached_tokens'] ?? usage?.['prompt_cache_hit_tokens'],
  ),
})

/**
 * Returns the key of the call that a piece belongs to. Servers may leave out the index, or use the index of one call for
 * another, which then has another ID.
 */
function callKey(state: ChatState, index: unknown, id: string, name: string): unknown {
  const slot = index ?? (id || (name ? Symbol(name) : state.slot))
  const known = state.keys.get(slot) ?? slot
  const knownId = state.ids.get(known)
  const key = id && knownId && knownId !== id ? `id ${id}` : known
  state.slot = slot
  state.keys.set(slot, key)
  if (id) state.ids.set(key, id)
  return key
}

/** Returns the deltas of a choice. */
function* deltasOf(state: ChatState, { delta, message }: Fields): Generator<Delta> {
  const { blocks } = state
  const fields = fieldsOf(delta ?? message)
  const { content, reasoning_content, reasoning, reasoning_details, refusal, tool_calls, function_call } = fields
  const textDelta = (type: 'text' | 'reasoning' | 'refusal', value: unknown, raw?: unknown): Delta[] =>
    textOf(value) || raw
      ? [{ type, block: blocks.of(type), content: textOf(value), ...(raw !== undefined && { raw }) }]
      : []
  const details = listOf(reasoning_details)
  state.reasoningDetails.push(...details)
  const raw = details.length ? { reasoning_details: state.reasoningDetails } : undefined
  yield* textDelta('reasoning', reasoning_content ?? reasoning, raw)
  yield* textDelta('text', content)
  for (const part of listOf(content)) {
    if (part['type'] === 'thinking')
      yield* textDelta(
        'reasoning',
        listOf(part['thinking'])
          .map(({ text }) => textOf(text))
          .join(''),
      )
    else if (part['type'] === 'text') yield* textDelta('text', part['text'])
    else yield { type: 'data', block: blocks.next(), name: textOf(part['type']), data: part }
  }
  yield* textDelta('refusal', refusal)
  const calls: readonly Fields[] = function_call
    ? [{ index: 'function_call', function: function_call }]
    : listOf(tool_calls)
  for (const call of calls) {
    const { name, arguments: args } = fieldsOf(call['function'])
    const [id, toolName] = [textOf(call['id']), textOf(name)]
    yield {
      type: 'tool-call',
      block: blocks.of(callKey(state, call['index'], id, toolName)),
      ...(id && { id }),
      ...(toolName && { name: toolName }),
      args: typeof args === 'object' && args ? JSON.stringify(args) : textOf(args),
    }
  }
  for (const annotation of listOf(fields['annotations'])) {
    const { url, title } = fieldsOf(annotation['url_citation'])
    yield { type: 'source', block: blocks.next(), url: textOf(url), title: textOf(title), raw: annotation }
  }
  for (const name of ['executed_tools', 'images'])
    if (listOf(fields[name]).length) yield { type: 'data', block: blocks.next(), name, data: fields[name] }
  const { audio } = fields
  if (audio) {
    // Text comes in pieces; everything else comes once.
    const pieces = Object.entries(mergeFields(undefined, audio)).map(([name, value]) => {
      const isPiece = name === 'transcript' || name === 'data'
      return [name, isPiece ? textOf(state.audio[name]) + textOf(value) : value]
    })
    state.audio = { ...state.audio, ...(Object.fromEntries(pieces) as Fields) }
    yield { type: 'data', block: blocks.of('audio'), name: 'audio', data: state.audio }
  }
}

/** Returns the steps of a chunk. */
function* stepsOf(state: ChatState, chunk: Fields): Generator<Step<Delta>> {
  const { id, model, choices, usage, x_groq, citations } = chunk
  // The first chunk may have neither (Azure).
  const start = { id: textOf(id) || undefined, model: textOf(model) || undefined }
  if (!state.hasStarted && (start.id ?? start.model)) {
    state.hasStarted = true
    yield { type: 'start', ...start, data: chunk }
  }
  for (const choice of listOf(choices)) {
    const { index, finish_reason: reason } = choice
    // Only the first of several alternatives makes the message.
    if (index) continue
    if (reason) state.reason = textOf(reason)
    for (const delta of deltasOf(state, choice)) yield { type: 'delta', delta, data: chunk }
    if (choice['usage']) state.usage = mergeFields(state.usage, choice['usage'])
  }
  const counts = usage ?? fieldsOf(x_groq)['usage']
  if (counts) state.usage = mergeFields(state.usage, counts)
  const urls = Array.isArray(citations) ? (citations as unknown[]) : []
  for (const url of urls.slice(state.citationCount)) {
    yield {
      type: 'delta',
      delta: { type: 'source', block: state.blocks.next(), url: textOf(url), raw: url },
      data: chunk,
    }
    state.citationCount++
  }
}

/**
 * Returns the protocol of OpenAI's chat completions, which many other servers implement. The loop has the deltas of the
 * first choice, `run.message` the message that they make, and `run.on('message')` every chunk. A stream that ends before
 * `[DONE]` and without a finish reason fails with code `truncated`.
 *
 * @example
 * ```ts
 * const messages = [{ role: 'user', content: 'Hello' }]
 * const json = { model: 'gpt-5', stream: true, stream_options: { include_usage: true }, messages }
 * const run = client.stream('/v1/chat/completions', { protocol: openaiChat(), json })
 * for await (const _ of run) console.log(run.text)
 * const { toolCalls, finishReason, usage } = await run.final()
 * ```
 */
export function openaiChat(options?: MessageOptions): Protocol<Delta, unknown, Message> {
  return {
    ...richProtocol(options),
    name: 'openai-chat',
    begin: (): ChatState => ({
      blocks: new BlockNumbers(),
      ids: new Map(),
      keys: new Map(),
      slot: undefined,
      hasStarted: false,
      reason: '',
      usage: undefined,
      audio: {},
      reasoningDetails: [],
      citationCount: 0,
    }),
    map({ type, data }, state: ChatState) {
      const text = data.trim()
      if (text === '[DONE]') return { type: 'end', ...endOf(state) }
      if (!text) return undefined
      let chunk: unknown
      try {
        chunk = JSON.parse(text)
      } catch (cause) {
        // A part of an object is a cut. Servers name their pings and errors, which may be any text.
        if (type === 'message' || text.startsWith('{')) throw cause
        if (type !== 'error') return undefined
        chunk = text
      }
      const { error, object, usage } = fieldsOf(chunk)
      if (error || type === 'error' || object === 'error') return { ...failureStep(chunk, false), usage }
      return [...stepsOf(state, fieldsOf(chunk))]
    },
    eof: (state: ChatState) => (state.reason ? endOf(state) : undefined),
  }
}
