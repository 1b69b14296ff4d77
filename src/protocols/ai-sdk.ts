/** The protocol of the AI SDK's UI message stream, version 1. */
import { failureStep } from './failure.ts'
import { type Fields, fieldsOf, mergeFields, numberOf, textOf, usageOf } from '../message/fields.ts'
import type { Delta, Message } from '../message/message.ts'
import type { MessageOptions } from '../message/reduce.ts'
import type { End, Protocol, Step } from './protocol.ts'
import { ReplayFilter } from './replay.ts'
import { BlockNumbers, richProtocol } from './rich.ts'

/** Options of `aiSdk`. */
export interface AiSdkOptions extends MessageOptions {
  /**
   * URL from which the server replays the answer that is going on, relative to the URL of the request. Without it, a run
   * cannot be resumed.
   *
   * @example
   * ```ts
   * client.stream('/api/chat', { protocol: aiSdk({ resumeUrl: '/api/chat/chat-1/stream' }), json: { id: 'chat-1' } })
   * ```
   */
  resumeUrl?: string | undefined
}

interface AiSdkState {
  readonly replay: ReplayFilter
  readonly blocks: BlockNumbers
  /** Calls whose arguments have arrived, in pieces or whole. */
  readonly withArgs: Set<unknown>
  hasStarted: boolean
  /** Number of the step, within which the IDs of parts are unique, and of the blocks before it. */
  step: number
  blocksBefore: number
  metadata: Fields | undefined
  /** How the answer has ended, although `[DONE]` follows. */
  end: End | undefined
  /** The error after which `[DONE]` follows. */
  failure: (Step<Delta> & { type: 'error' }) | undefined
}

const FINISH_REASONS = new Set(['stop', 'length', 'content-filter', 'tool-calls', 'error'])
const PARTS: Readonly<Record<string, 'text' | 'reasoning'>> = {
  'text-start': 'text',
  'text-delta': 'text',
  'text-end': 'text',
  'reasoning-start': 'reasoning',
  'reasoning-delta': 'reasoning',
  'reasoning-end': 'reasoning',
}

/** Returns the end of an answer; usage is in the metadata if the server puts it there. */
function endOf({ metadata }: AiSdkState, reason: string): End {
  const raw = metadata?.['usage'] ?? metadata?.['totalUsage']
  const usage = raw ? fieldsOf(raw) : undefined
  return {
    finishReason: FINISH_REASONS.has(reason) ? reason : undefined,
    rawFinishReason: reason || undefined,
    usage: usageOf(
      usage,
      usage?.['inputTokens'],
      usage?.['outputTokens'],
      numberOf(usage?.['reasoningTokens'], fieldsOf(usage?.['outputTokenDetails'])['reasoningTokens']),
      numberOf(usage?.['cachedInputTokens'], fieldsOf(usage?.['inputTokenDetails'])['cacheReadTokens']),
    ),
  }
}

/** Returns the arguments of a call that come whole. Those that the model has written wrongly may be text. */
const argsOf = ({ type, input }: Fields): string =>
  type === 'tool-input-error' && typeof input === 'string' ? input : (JSON.stringify(input) ?? '')

/** Returns the deltas of an event of a tool. */
function toolDeltas({ blocks, withArgs }: AiSdkState, data: Fields): Delta[] {
  const { type, toolCallId, toolName, providerExecuted, inputTextDelta, output, errorText } = data
  const id = textOf(toolCallId)
  if (type === 'tool-output-available') return [{ type: 'tool-result', id, output }]
  if (type === 'tool-output-error') return [{ type: 'tool-result', id, output: undefined, error: textOf(errorText) }]
  if (type === 'tool-output-denied') return [{ type: 'tool-result', id, output: undefined, error: 'denied' }]
  const key = `tool ${id}`
  if (type === 'tool-input-delta') {
    withArgs.add(id)
    return [{ type: 'tool-call', block: blocks.of(key), args: textOf(inputTextDelta) }]
  }
  if (!/^tool-input-(start|available|error)$/.test(textOf(type)))
    return [{ type: 'data', block: blocks.next(), name: textOf(type), data }]
  // The whole input comes again after its pieces.
  const args = type === 'tool-input-start' || withArgs.has(id) ? '' : argsOf(data)
  const named = { id, name: textOf(toolName), server: !!providerExecuted }
  const call: Delta = { type: 'tool-call', block: blocks.of(key), ...named, args }
  if (type === 'tool-input-error')
    return [call, { type: 'tool-result', id, output: undefined, error: textOf(errorText) }]
  return [type === 'tool-input-available' ? { ...call, raw: data } : call]
}

/** Returns the deltas of an event. */
function deltasOf(state: AiSdkState, data: Fields): Delta[] {
  const { blocks } = state
  const { type: eventType, id, delta, url, title, providerMetadata, transient } = data
  const type = textOf(eventType)
  const part = PARTS[type]
  if (part) {
    const key = `${state.step} ${part} ${textOf(id)}`
    const content = type.endsWith('-delta') ? textOf(delta) : ''
    const raw = providerMetadata ? { raw: data } : {}
    return content || providerMetadata ? [{ type: part, block: blocks.of(key), content, ...raw }] : []
  }
  if (type === 'reset-step') {
    const from = state.blocksBefore
    blocks.truncate(from)
    // Calls of earlier steps are whole.
    state.withArgs.clear()
    return [{ type: 'reset', from }]
  }
  if (type.startsWith('tool-')) return toolDeltas(state, data)
  if (type === 'source-url')
    return [{ type: 'source', block: blocks.next(), url: textOf(url), title: textOf(title), raw: data }]
  if (type === 'source-document') return [{ type: 'source', block: blocks.next(), title: textOf(title), raw: data }]
  if (type === 'file' || type === 'reasoning-file' || type === 'custom')
    return [{ type: 'data', block: blocks.next(), name: type, data }]
  if (!type.startsWith('data-') || transient) return []
  const block = id === undefined ? blocks.next() : blocks.of(`${type} ${textOf(id)}`)
  return [{ type: 'data', block, name: type.slice('data-'.length), data: data['data'] }]
}

/** Returns the steps of an event. */
function stepsOf(state: AiSdkState, data: Fields, resume: string | undefined): Step<Delta>[] {
  const { type, messageId, messageMetadata, finishReason } = data
  const steps: Step<Delta>[] = []
  const at = `${state.replay.count}`
  if (!state.hasStarted) steps.push({ type: 'start', resume, id: textOf(messageId) || undefined, at, data })
  state.hasStarted = true
  if (messageMetadata) state.metadata = mergeFields(state.metadata, messageMetadata)
  if (type === 'start-step') {
    state.step++
    state.blocksBefore = state.blocks.count
  }
  if (type === 'finish') state.end = endOf(state, textOf(finishReason))
  if (type === 'abort') state.end = { ...endOf(state, ''), finishReason: 'cancelled', rawFinishReason: 'abort' }
  if (type === 'error') state.failure = { ...failureStep({ message: data['errorText'] }, false), detail: data }
  for (const delta of deltasOf(state, data)) steps.push({ type: 'delta', delta, at, data })
  return steps.length ? steps : [{ type: 'pass', at, data }]
}

/**
 * Returns the protocol of the AI SDK's UI message stream, which the SDK's route handlers send. With `resumeUrl`, a run
 * resumes after an interruption: what the server replays is skipped if it is the same.
 *
 * @example
 * ```ts
 * import { aiSdk } from 'rivulet/ai-sdk'
 * const protocol = aiSdk({ resumeUrl: '/api/chat/chat-1/stream' })
 * const run = client.stream('/api/chat', { protocol, json: { id: 'chat-1', messages: [] } })
 * for await (const _ of run) console.log(run.message?.blocks)
 * ```
 */
export function aiSdk({ resumeUrl, ...options }: AiSdkOptions = {}): Protocol<Delta, unknown, Message> {
  return {
    ...richProtocol(options),
    name: 'ai-sdk',
    begin: (): AiSdkState => ({
      replay: new ReplayFilter(),
      blocks: new BlockNumbers(),
      withArgs: new Set(),
      hasStarted: false,
      step: 0,
      blocksBefore: 0,
      metadata: undefined,
      end: undefined,
      failure: undefined,
    }),
    connected: ({ replay }: AiSdkState) => replay.beginConnection(),
    map({ data: text }, state: AiSdkState) {
      if (state.replay.isReplayed(text)) return { type: 'skip' }
      const trimmed = text.trim()
      if (!trimmed) return undefined
      if (trimmed === '[DONE]') return state.failure ?? { type: 'end', ...state.end }
      return stepsOf(state, fieldsOf(JSON.parse(trimmed)), resumeUrl)
    },
    eof: ({ end, failure }: AiSdkState) => (failure ? undefined : end),
    resume: { url: (address) => address, replays: 'all' },
  }
}
