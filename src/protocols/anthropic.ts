/** The protocol of Anthropic's Messages API: blocks one after the other, each with its deltas. */
import { failureStep } from './failure.ts'
import { type Fields, fieldsOf, mergeFields, textOf, usageOf } from '../message/fields.ts'
import type { Delta, Message } from '../message/message.ts'
import type { MessageOptions } from '../message/reduce.ts'
import { BlockNumbers, richProtocol } from './rich.ts'
import type { End, Protocol, Step } from './protocol.ts'

/** A block that is being received. */
interface OpenBlock {
  /** The vendor's block, with what its deltas have added. */
  raw: Fields
  /** JSON text of the input. */
  args: string
}

interface AnthropicState {
  readonly blocks: BlockNumbers
  /** Blocks by the vendor's index. */
  readonly open: Map<unknown, OpenBlock>
  id: unknown
  reason: string
  usage: Fields | undefined
}

const FINISH_REASONS: Readonly<Record<string, string>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool-calls',
  pause_turn: 'paused',
  compaction: 'paused',
  refusal: 'content-filter',
}

/** Errors after which another attempt can succeed. */
const isTemporary = (error: unknown): boolean =>
  /^(api|overloaded|rate_limit|timeout)_error$/.test(textOf(fieldsOf(error)['type']))

const endOf = ({ reason, usage }: AnthropicState): End => {
  const { input_tokens: input, cache_creation_input_tokens: created, cache_read_input_tokens: read } = usage ?? {}
  const inputTokens = [input, created, read].reduce<number>((sum, count) => sum + (Number(count) || 0), 0)
  const { thinking_tokens: thinking } = fieldsOf(usage?.['output_tokens_details'])
  return {
    finishReason: FINISH_REASONS[reason] ?? (reason || undefined),
    rawFinishReason: reason || undefined,
    usage: usageOf(usage, inputTokens, usage?.['output_tokens'], thinking, read),
  }
}

const isCall = (type: string): boolean => /^(server_|mcp_)?tool_use$/.test(type)

/** Returns the deltas of the start of a block. */
function beginBlock({ blocks, open }: AnthropicState, index: unknown, raw: Fields): Delta[] {
  const type = textOf(raw['type'])
  open.set(index, { raw, args: '' })
  if (isCall(type)) {
    const [id, name] = [textOf(raw['id']), textOf(raw['name'])]
    return [{ type: 'tool-call', block: blocks.of(index), id, name, args: '', server: type !== 'tool_use' }]
  }
  if (type.endsWith('_tool_result')) {
    const { tool_use_id: id, content: output, is_error: isError } = raw
    const error = textOf(fieldsOf(output)['error_code']) || (isError ? 'error' : '')
    return [{ type: 'tool-result', id: textOf(id), output, ...(error && { error }) }]
  }
  if (type === 'text' || type === 'thinking') {
    const content = textOf(raw['text']) || textOf(raw['thinking'])
    return content ? [{ type: type === 'text' ? type : 'reasoning', block: blocks.of(index), content }] : []
  }
  if (type === 'redacted_thinking') return [{ type: 'reasoning', block: blocks.of(index), content: '', raw }]
  return [{ type: 'data', block: blocks.of(index), name: type, data: raw }]
}

/** Returns the deltas of a delta of the vendor, which the open block keeps. */
function extendBlock({ blocks, open }: AnthropicState, index: unknown, delta: Fields): Delta[] {
  const current = open.get(index)
  if (!current) throw new TypeError('A delta of a block that has not begun')
  const { type, text, thinking, signature, partial_json: json, citation, content } = delta
  const { raw } = current
  const append = (name: string, added: unknown): string => {
    current.raw = { ...raw, [name]: textOf(raw[name]) + textOf(added) }
    return textOf(added)
  }
  if (type === 'text_delta') return [{ type: 'text', block: blocks.of(index), content: append('text', text) }]
  if (type === 'thinking_delta')
    return [{ type: 'reasoning', block: blocks.of(index), content: append('thinking', thinking) }]
  if (type === 'signature_delta') append('signature', signature)
  if (type === 'input_json_delta') {
    current.args += textOf(json)
    return [{ type: 'tool-call', block: blocks.of(index), args: textOf(json) }]
  }
  if (type === 'compaction_delta') {
    append('content', content)
    return [{ type: 'data', block: blocks.of(index), name: textOf(raw['type']), data: current.raw }]
  }
  if (type !== 'citations_delta') return []
  current.raw = { ...raw, citations: [...((raw['citations'] as unknown[] | undefined) ?? []), citation] }
  const { url, title, document_title: documentTitle } = fieldsOf(citation)
  const known = { ...(textOf(url) && { url: textOf(url) }), title: textOf(title) || textOf(documentTitle) }
  return [{ type: 'source', block: blocks.next(), ...known, raw: citation }]
}

/** Returns the deltas of the end of a block: what has to be sent back unchanged. */
function endBlock({ blocks, open }: AnthropicState, index: unknown): Delta[] {
  const { raw, args } = open.get(index) ?? { raw: {}, args: '' }
  const type = textOf(raw['type'])
  open.delete(index)
  if (isCall(type)) {
    // Without arguments, the input is what the start of the block has.
    const added = args ? '' : JSON.stringify(raw['input'] ?? {})
    let input: unknown = args
    try {
      input = JSON.parse(args || added)
    } catch {
      // The limit of tokens cuts arguments.
    }
    return [{ type: 'tool-call', block: blocks.of(index), args: added, raw: { ...raw, input } }]
  }
  const isText = type === 'text' && raw['citations']
  if (!isText && type !== 'thinking') return []
  return [{ type: isText ? 'text' : 'reasoning', block: blocks.of(index), content: '', raw }]
}

/** Returns the steps of a `message_start`. A proxy may send it again, also for an answer that begins again. */
function beginMessage(state: AnthropicState, message: Fields): Step<Delta>[] {
  const { id, model, usage } = message
  const isKnown = state.id !== undefined
  const isRepeated = isKnown && state.id === id
  if (isRepeated) return []
  state.id = id
  state.reason = ''
  state.usage = mergeFields(undefined, usage)
  state.blocks.truncate(0)
  state.open.clear()
  const start = { type: 'start', id: textOf(id) || undefined, model: textOf(model) || undefined } as const
  return isKnown ? [start, { type: 'delta', delta: { type: 'reset', from: 0 } }] : [start]
}

/**
 * Returns the protocol of Anthropic's Messages API. `raw` of a block is what has to be sent back unchanged: thinking with
 * its signature, text with citations, calls with their input.
 *
 * @example
 * ```ts
 * import { anthropic } from 'rivulet/anthropic'
 * const messages = [{ role: 'user', content: 'Hello' }]
 * const json = { model: 'claude-sonnet-4-5', max_tokens: 1024, stream: true, messages }
 * const run = client.stream('/v1/messages', { protocol: anthropic(), json })
 * for await (const _ of run) console.log(run.message?.blocks)
 * ```
 */
export function anthropic(options?: MessageOptions): Protocol<Delta, unknown, Message> {
  return {
    ...richProtocol(options),
    name: 'anthropic',
    begin: (): AnthropicState => ({
      blocks: new BlockNumbers(),
      open: new Map(),
      id: undefined,
      reason: '',
      usage: undefined,
    }),
    map({ type: name, data: text }, state: AnthropicState) {
      if (!text.trim()) return undefined
      const data = fieldsOf(JSON.parse(text))
      const { type, index, delta, usage } = data
      const withDeltas = (deltas: readonly Delta[]): Step<Delta>[] =>
        deltas.map((item) => ({ type: 'delta', delta: item, data }))
      if (type === 'message_start')
        return beginMessage(state, fieldsOf(data['message'])).map((step) => ({ data, ...step }))
      if (type === 'content_block_start') return withDeltas(beginBlock(state, index, fieldsOf(data['content_block'])))
      if (type === 'content_block_delta') return withDeltas(extendBlock(state, index, fieldsOf(delta)))
      if (type === 'content_block_stop') return withDeltas(endBlock(state, index))
      if (type === 'message_delta') {
        state.reason = textOf(fieldsOf(delta)['stop_reason']) || state.reason
        state.usage = mergeFields(state.usage, usage)
      }
      if (type === 'message_stop') return { type: 'end', ...endOf(state), data }
      if (type === 'error' || name === 'error') return failureStep(data, isTemporary(data['error']))
      return { type: 'pass', data }
    },
  }
}
