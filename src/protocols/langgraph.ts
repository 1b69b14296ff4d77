/** The protocol of LangGraph's server: named events, of which those of messages make the answer. */
import { failureStep } from './failure.ts'
import { type Fields, fieldsOf, listOf, mergeFields, sumOf, textOf, usageOf } from '../message/fields.ts'
import type { Delta, Message } from '../message/message.ts'
import type { MessageOptions } from '../message/reduce.ts'
import type { End, Protocol, Step } from './protocol.ts'
import { BlockNumbers, richProtocol } from './rich.ts'

/** Options of `langgraph`. */
export interface LangGraphOptions extends MessageOptions {
  /**
   * Whether the request has `stream_resumable: true`. Without it, the server keeps no events, and a run cannot be resumed.
   *
   * @defaultValue false
   * @example
   * ```ts
   * const json = { assistant_id: 'agent', input: {}, stream_mode: ['messages-tuple'], stream_resumable: true }
   * client.stream('/threads/t1/runs/stream', { protocol: langgraph({ resumable: true }), json })
   * ```
   */
  resumable?: boolean | undefined
  /**
   * What the end of the connection means without an `end` event. Some servers send none: with `'end'`, their runs are
   * complete, but a connection that was cut between two events cannot be told from a complete one.
   *
   * @defaultValue `'truncated'`
   * @example
   * ```ts
   * const protocol = langgraph({ eof: 'end' })
   * ```
   */
  eof?: 'truncated' | 'end' | undefined
}

interface LangGraphState {
  readonly blocks: BlockNumbers
  /** Text and arguments of the blocks so far, by key. */
  readonly texts: Map<string, string>
  /** Usage of each message or piece. */
  readonly usages: Map<string, Fields>
  /** URL of the first response; empty on a server, which resumes nothing. */
  url: string
  runId: string
  hasStarted: boolean
  isInterrupted: boolean
  reason: string
}

type PieceType = 'text' | 'reasoning' | 'tool-call'

const FINISH_REASONS: Readonly<Record<string, string>> = {
  length: 'length',
  max_tokens: 'length',
  MAX_TOKENS: 'length',
  content_filter: 'content-filter',
  refusal: 'content-filter',
  SAFETY: 'content-filter',
}
/** Errors that mean that the run was cancelled. */
const CANCELLED = /^(CancelledError|UserInterrupt|UserRollback)$/

/**
 * Returns the deltas of a piece of a block. A message that is `whole` repeats what has arrived: only what it adds is new,
 * unless it has another text, with which the block begins again.
 */
function pieceDeltas(
  { blocks, texts }: LangGraphState,
  { type, key, text, whole, call }: { type: PieceType; key: string; text: string; whole: boolean; call?: Fields },
): Delta[] {
  const known = texts.get(key)
  const isOther = whole && known !== undefined && !text.startsWith(known)
  const added = whole && !isOther ? text.slice(known?.length) : text
  // Text begins with its first piece, a call with its name.
  if (!added && (known !== undefined || !call)) return []
  const reset: Delta[] = isOther ? [{ type: 'reset', from: blocks.of(key) }] : []
  if (isOther) {
    blocks.truncate(blocks.of(key))
    for (const other of texts.keys()) if (!blocks.has(other)) texts.delete(other)
  }
  texts.set(key, whole ? text : `${known ?? ''}${text}`)
  const block = blocks.of(key)
  if (type !== 'tool-call') return [...reset, { type, block, content: added }]
  const [id, name] = [textOf(call?.['id']), textOf(call?.['name'])]
  return [...reset, { type, block, ...(id && { id }), ...(name && { name }), args: added, server: true }]
}

/** Returns the text and the reasoning of a message. */
function contentOf({ content, additional_kwargs: more }: Fields): [text: string, reasoning: string] {
  const parts = listOf(content)
  const joined = (...names: string[]): string =>
    parts.map((part) => names.map((name) => textOf(part[name])).join('')).join('')
  return [
    textOf(content) || joined('text'),
    textOf(fieldsOf(more)['reasoning_content']) || joined('thinking', 'reasoning'),
  ]
}

/** Returns the deltas of a message of the graph, or of a piece of one. Messages of the user are not a part of the answer. */
function messageDeltas(state: LangGraphState, message: Fields, whole: boolean, isComplete: boolean): Delta[] {
  const { type, id: messageId, tool_call_chunks: chunks, tool_calls: calls, tool_call_id: callId } = message
  const id = textOf(messageId)
  if (/^tool/i.test(textOf(type))) {
    const error = message['status'] === 'error' && { error: textOf(message['content']) || 'error' }
    return [{ type: 'tool-result', id: textOf(callId), output: message['content'], ...error }]
  }
  if (!/^ai/i.test(textOf(type))) return []
  // Pieces of a message have their own usage, which is to be added up.
  const usage = message['usage_metadata']
  if (usage) state.usages.set(whole ? id : `${id} ${state.usages.size}`, mergeFields(undefined, usage))
  const { finish_reason: finish, stop_reason: stop } = fieldsOf(message['response_metadata'])
  state.reason = textOf(finish) || textOf(stop) || state.reason
  const [text, reasoning] = contentOf(message)
  const pieces = listOf(chunks)
  // The arguments of a call that is not whole yet are a guess, unless they come as text.
  const wholeCalls = pieces.length || !isComplete ? [] : listOf(calls)
  return [
    ...pieceDeltas(state, { type: 'reasoning', key: `${id} reasoning`, text: reasoning, whole }),
    ...pieceDeltas(state, { type: 'text', key: `${id} text`, text, whole }),
    ...pieces.flatMap((call) => {
      const key = `${id} call ${String(call['index'] ?? call['id'])}`
      return pieceDeltas(state, { type: 'tool-call', key, text: textOf(call['args']), whole, call })
    }),
    ...wholeCalls.flatMap((call, index) => {
      const key = `${id} call ${index}`
      // The same arguments may have arrived with other spaces.
      const args = state.texts.has(key) ? '' : JSON.stringify(call['args'] ?? {})
      return pieceDeltas(state, { type: 'tool-call', key, text: args, whole: true, call })
    }),
  ]
}

/** Returns the deltas of an event. State and updates are only for listeners. */
function deltasOf(state: LangGraphState, type: string, data: unknown): Delta[] {
  if (type === 'custom') return [{ type: 'data', block: state.blocks.next(), name: type, data }]
  // A piece of a message with the metadata of its node.
  if (type === 'messages' && Array.isArray(data)) {
    const message = fieldsOf(data[0])
    const isWhole = message['type'] === 'ai'
    return messageDeltas(state, message, isWhole, isWhole)
  }
  const isComplete = type === 'messages/complete'
  if (!isComplete && type !== 'messages/partial') return []
  return listOf(data).flatMap((message) => messageDeltas(state, message, true, isComplete))
}

function endOf({ usages, isInterrupted, reason }: LangGraphState): End {
  const raw = [...usages.values()]
  const sum = (name: string, detail?: string): number | undefined =>
    sumOf(raw.map((usage) => (detail ? fieldsOf(usage[name])[detail] : usage[name])))
  return {
    finishReason: isInterrupted ? 'paused' : (FINISH_REASONS[reason] ?? 'stop'),
    rawFinishReason: isInterrupted ? 'interrupt' : reason || undefined,
    usage: usageOf(
      raw.length ? (raw as unknown as Fields) : undefined,
      sum('input_tokens'),
      sum('output_tokens'),
      sum('output_token_details', 'reasoning'),
      sum('input_token_details', 'cache_read'),
    ),
  }
}

/** Returns the URL of the run's own stream, at which it is read again. */
function streamUrl({ url, runId }: LangGraphState): string {
  const address = new URL(url)
  if (!address.pathname.includes(runId))
    address.pathname = address.pathname.replace(/\/stream$/, `/${encodeURIComponent(runId)}/stream`)
  return address.href
}

/** Returns the steps of an event. */
function stepsOf(state: LangGraphState, event: { type: string; data: unknown; id: string }, resumable: boolean) {
  const { data, id } = event
  // Events of a subgraph have its name after theirs.
  const type = event.type.split('|')[0]!
  const { run_id: runId, __interrupt__: interrupt, error, message } = fieldsOf(data)
  if (type === 'end') return [{ type, ...endOf(state), data } as const]
  // A connection may end between the name of an error and its words.
  if (type === 'error' && data === undefined) return []
  if (type === 'error' && CANCELLED.test(textOf(error)))
    return [{ type: 'end', ...endOf(state), finishReason: 'cancelled', rawFinishReason: textOf(error), data } as const]
  if (type === 'error') {
    const words = typeof message === 'string' ? { message, code: error } : data
    return [{ ...failureStep(words, false), detail: data, data }]
  }
  if (type === 'metadata') state.runId = textOf(runId)
  if (interrupt) state.isInterrupted = true
  const steps: Step<Delta>[] = deltasOf(state, type, data).map((delta) => ({ type: 'delta', delta, data }))
  // A run can be read again from its first event with an ID on.
  if (!state.runId || state.hasStarted || (resumable && !id)) return steps
  state.hasStarted = true
  const resume = resumable && state.url ? streamUrl(state) : undefined
  return [{ type: 'start', id: state.runId, streamId: state.runId, resume, data } as const, ...steps]
}

/**
 * Returns the protocol of LangGraph's server, with the stream modes `messages-tuple` and `messages`. The loop has the
 * text, reasoning and calls of all models of the graph; `run.on(type)` receives every event, also `values` and `updates`.
 * With `resumable`, a run resumes after an interruption, and can be cancelled.
 *
 * @example
 * ```ts
 * import { langgraph } from 'rivulet/langgraph'
 * const input = { messages: [{ role: 'user', content: 'Hello' }] }
 * const json = { assistant_id: 'agent', input, stream_mode: ['messages-tuple'], stream_resumable: true }
 * const run = client.stream('/threads/t1/runs/stream', { protocol: langgraph({ resumable: true }), json })
 * for await (const _ of run) console.log(run.message?.blocks)
 * ```
 */
export function langgraph({ resumable = false, eof, ...options }: LangGraphOptions = {}): Protocol<
  Delta,
  unknown,
  Message
> {
  return {
    ...richProtocol(options),
    name: 'langgraph',
    begin: (): LangGraphState => ({
      blocks: new BlockNumbers(),
      texts: new Map(),
      usages: new Map(),
      url: '',
      runId: '',
      hasStarted: false,
      isInterrupted: false,
      reason: '',
    }),
    connected(state: LangGraphState, { url }) {
      state.url ||= url
    },
    map({ type, data: text, id }, state: LangGraphState) {
      const data: unknown = text.trim() ? JSON.parse(text) : undefined
      const steps = stepsOf(state, { type, data, id }, resumable)
      return steps.length ? steps : { type: 'pass', data }
    },
    ...(eof && { eof: eof === 'end' ? (state: LangGraphState) => endOf(state) : eof }),
    resume: { url: (address) => address, replays: 'after', fromStart: '-1' },
    cancel(address) {
      const url = new URL(address)
      url.pathname = url.pathname.replace(/\/stream$/, '/cancel')
      return { method: 'POST', url: url.href }
    },
  }
}
