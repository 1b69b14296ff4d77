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

/** Adds the delta of a text, if there is any. */
function addText(
  { blocks }: ChatState,
  deltas: Delta[],
  type: 'text' | 'reasoning' | 'refusal',
  value: unknown,
  raw?: unknown,
): void {
  const content = textOf(value)
  if (raw !== undefined) deltas.push({ type, block: blocks.of(type), content, raw })
  else if (content) deltas.push({ type, block: blocks.of(type), content })
}

/** Adds the deltas of content that comes in parts (Mistral). */
function addParts(state: ChatState, deltas: Delta[], parts: readonly Fields[]): void {
  for (const part of parts) {
    const { type, text, thinking } = part
    if (type === 'text') addText(state, deltas, type, text)
    else if (type === 'thinking')
      for (const thought of listOf(thinking)) addText(state, deltas, 'reasoning', thought['text'])
    else deltas.push({ type: 'data', block: state.blocks.next(), name: textOf(type), data: part })
  }
}

/** Returns the delta of a piece of a call. */
function callDelta(state: ChatState, call: Fields): Delta {
  const { name, arguments: args } = fieldsOf(call['function'])
  const [id, toolName] = [textOf(call['id']), textOf(name)]
  return {
    type: 'tool-call',
    block: state.blocks.of(callKey(state, call['index'], id, toolName)),
    ...(id && { id }),
    ...(toolName && { name: toolName }),
    args: typeof args === 'object' && args ? JSON.stringify(args) : textOf(args),
  }
}

/** Returns the delta of audio, which has all that has arrived. */
function audioDelta(state: ChatState, audio: unknown): Delta {
  // Text comes in pieces; everything else comes once.
  const pieces = Object.entries(mergeFields(undefined, audio)).map(([name, value]) => {
    const isPiece = name === 'transcript' || name === 'data'
    return [name, isPiece ? textOf(state.audio[name]) + textOf(value) : value]
  })
  state.audio = { ...state.audio, ...(Object.fromEntries(pieces) as Fields) }
  return { type: 'data', block: state.blocks.of('audio'), name: 'audio', data: state.audio }
}

/** Returns the deltas of a choice. */
function deltasOf(state: ChatState, { delta, message }: Fields): Delta[] {
  const { blocks } = state
  const deltas: Delta[] = []
  const fields = fieldsOf(delta ?? message)
  const { content, reasoning_content, reasoning, reasoning_details, refusal, tool_calls, function_call, audio } = fields
  const details = listOf(reasoning_details)
  state.reasoningDetails.push(...details)
  const raw = details.length ? { reasoning_details: state.reasoningDetails } : undefined
  addText(state, deltas, 'reasoning', reasoning_content ?? reasoning, raw)
  addText(state, deltas, 'text', content)
  addParts(state, deltas, listOf(content))
  addText(state, deltas, 'refusal', refusal)
  const calls = function_call ? [{ index: 'function_call', function: function_call }] : listOf(tool_calls)
  for (const call of calls) deltas.push(callDelta(state, call))
  for (const annotation of listOf(fields['annotations'])) {
    const { url, title } = fieldsOf(annotation['url_citation'])
    deltas.push({ type: 'source', block: blocks.next(), url: textOf(url), title: textOf(title), raw: annotation })
  }
  for (const name of ['executed_tools', 'images'])
    if (listOf(fields[name]).length) deltas.push({ type: 'data', block: blocks.next(), name, data: fields[name] })
  if (audio) deltas.push(audioDelta(state, audio))
  return deltas
}

/** Returns the steps of a chunk. */
function stepsOf(state: ChatState, chunk: Fields): Step<Delta>[] {
  const { id, model, choices, usage, x_groq, citations } = chunk
  const steps: Step<Delta>[] = []
  // The first chunk may have neither (Azure).
  if (!state.hasStarted && (id || model)) {
    state.hasStarted = true
    steps.push({ type: 'start', id: textOf(id) || undefined, model: textOf(model) || undefined, data: chunk })
  }
  for (const choice of listOf(choices)) {
    const { index, finish_reason: reason, usage: choiceUsage } = choice
    // Only the first of several alternatives makes the message.
    if (index) continue
    if (reason) state.reason = textOf(reason)
    for (const delta of deltasOf(state, choice)) steps.push({ type: 'delta', delta, data: chunk })
    if (choiceUsage) state.usage = mergeFields(state.usage, choiceUsage)
  }
  const counts = usage ?? (x_groq && fieldsOf(x_groq)['usage'])
  if (counts) state.usage = mergeFields(state.usage, counts)
  for (const url of Array.isArray(citations) ? citations.slice(state.citationCount) : []) {
    const delta: Delta = { type: 'source', block: state.blocks.next(), url: textOf(url), raw: url }
    steps.push({ type: 'delta', delta, data: chunk })
    state.citationCount++
  }
  return steps
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
      return stepsOf(state, fieldsOf(chunk))
    },
    eof: (state: ChatState) => (state.reason ? endOf(state) : undefined),
  }
}
