/** The AG-UI protocol: an agent sends messages, reasoning, and calls piece by piece, each with an ID. */
import { failureStep } from './failure.ts'
import { type Fields, fieldsOf, listOf, sumOf, textOf, usageOf } from '../message/fields.ts'
import type { Delta, Message } from '../message/message.ts'
import type { MessageOptions } from '../message/reduce.ts'
import type { End, Protocol, Step } from './protocol.ts'
import { BlockNumbers, richProtocol } from './rich.ts'

interface AgUiState {
  readonly blocks: BlockNumbers
  /** The keys of the newest text, reasoning and call, which pieces without an ID continue. */
  readonly newest: Map<string, string>
  /** Keys of messages that are not the agent's. */
  readonly foreign: Set<string>
  /** Keys of the calls that have no result yet. */
  readonly pendingCalls: Set<string>
}

const PIECE = /^(TEXT|REASONING|THINKING_TEXT|TOOL_CALL)(?:_MESSAGE)?_(START|CONTENT|ARGS|CHUNK)$/

/** Returns the delta of a piece of a message or call, if it adds anything. */
function pieceDeltas(state: AgUiState, kind: string, isStart: boolean, data: Fields): Delta[] {
  const { blocks, newest, foreign, pendingCalls } = state
  const { messageId, toolCallId, toolCallName, role, delta } = data
  const id = textOf(toolCallId) || textOf(messageId)
  const ownKey = id || isStart ? `${kind} ${id || blocks.count}` : undefined
  const key = ownKey ?? newest.get(kind) ?? kind
  newest.set(kind, key)
  if (kind === 'TEXT' && role && role !== 'assistant') foreign.add(key)
  if (kind === 'TOOL_CALL') {
    pendingCalls.add(key)
    const named = toolCallName ? { id, name: textOf(toolCallName) } : {}
    return [{ type: 'tool-call', block: blocks.of(key), ...named, args: textOf(delta) }]
  }
  const content = textOf(delta)
  return content && !foreign.has(key)
    ? [{ type: kind === 'TEXT' ? 'text' : 'reasoning', block: blocks.of(key), content }]
    : []
}

/** Returns the deltas of an encrypted value, which has to be sent back with the message or call that it belongs to. */
function encryptedDeltas({ blocks }: AgUiState, data: Fields): Delta[] {
  const id = textOf(data['entityId'])
  if (data['subtype'] === 'tool-call')
    return [{ type: 'tool-call', block: blocks.of(`TOOL_CALL ${id}`), args: '', raw: data }]
  const type = blocks.has(`TEXT ${id}`) ? 'text' : 'reasoning'
  return [{ type, block: blocks.of(`${type.toUpperCase()} ${id}`), content: '', raw: data }]
}

/** Returns the deltas of an event. State, snapshots and steps are only for listeners. */
function deltasOf(state: AgUiState, data: Fields): Delta[] {
  const { blocks, pendingCalls } = state
  const type = textOf(data['type'])
  const [, kind, part] = PIECE.exec(type) ?? []
  if (kind) return pieceDeltas(state, kind, part === 'START', data)
  if (type === 'TOOL_CALL_RESULT') {
    const id = textOf(data['toolCallId'])
    const key = `TOOL_CALL ${id}`
    const result: Delta = { type: 'tool-result', id, output: data['content'] }
    // A call with a result is not left to the application.
    return pendingCalls.delete(key)
      ? [{ type: 'tool-call', block: blocks.of(key), args: '', server: true }, result]
      : [result]
  }
  if (type === 'REASONING_ENCRYPTED_VALUE') return encryptedDeltas(state, data)
  if (type === 'CUSTOM')
    return [{ type: 'data', block: blocks.next(), name: textOf(data['name']), data: data['value'] }]
  if (type === 'ACTIVITY_SNAPSHOT') {
    const block = blocks.of(`ACTIVITY ${textOf(data['messageId'])}`)
    return [{ type: 'data', block, name: textOf(data['activityType']), data: data['content'] }]
  }
  const { result } = data
  return type === 'RUN_FINISHED' && result !== undefined && result !== null
    ? [{ type: 'data', block: blocks.next(), name: 'result', data: result }]
    : []
}

/** Returns how a run has ended; usage is counted for each model. */
function endOf({ pendingCalls }: AgUiState, { outcome, usage }: Fields): End {
  const reason = textOf(fieldsOf(outcome)['type'])
  const counts = listOf(usage)
  const sum = (name: string): number | undefined => sumOf(counts.map((count) => count[name]))
  let finishReason = pendingCalls.size ? 'tool-calls' : 'stop'
  if (reason === 'interrupt') finishReason = 'paused'
  if (reason === 'cancelled') finishReason = reason
  return {
    finishReason,
    rawFinishReason: reason || undefined,
    usage: usageOf(
      counts.length ? (usage as Fields) : undefined,
      sum('inputTokens'),
      sum('outputTokens'),
      sum('reasoningTokens'),
      sum('cachedInputTokens'),
    ),
  }
}

/** Returns the steps of an event. */
function stepsOf(state: AgUiState, data: Fields): Step<Delta>[] {
  const { type, runId, message, code, usage } = data
  if (type === 'RUN_STARTED') return [{ type: 'start', id: textOf(runId) || undefined, data }]
  if (type === 'RUN_ERROR') return [{ ...failureStep({ message, code }, false), detail: data, usage, data }]
  const steps = deltasOf(state, data).map((delta): Step<Delta> => ({ type: 'delta', delta, data }))
  return type === 'RUN_FINISHED' ? [...steps, { type: 'end', ...endOf(state, data), data }] : steps
}

/**
 * Returns the AG-UI protocol, in which agents of many frameworks answer. The loop has the text, reasoning and calls;
 * `run.on('message')` receives every event, also state and steps. A stream that ends without `RUN_FINISHED` fails with
 * code `truncated`.
 *
 * @example
 * ```ts
 * import { agUi } from 'rivulet/ag-ui'
 * const messages = [{ id: 'm1', role: 'user', content: 'Hello' }]
 * const json = { threadId: 't1', runId: 'r1', messages, tools: [], context: [], state: {}, forwardedProps: {} }
 * const run = client.stream('/agent', { protocol: agUi(), json })
 * for await (const _ of run) console.log(run.message?.blocks)
 * ```
 */
export function agUi(options?: MessageOptions): Protocol<Delta, unknown, Message> {
  return {
    ...richProtocol(options),
    name: 'ag-ui',
    begin: (): AgUiState => ({
      blocks: new BlockNumbers(),
      newest: new Map(),
      foreign: new Set(),
      pendingCalls: new Set(),
    }),
    map({ data }, state: AgUiState) {
      if (!data.trim()) return undefined
      const fields = fieldsOf(JSON.parse(data))
      const steps = stepsOf(state, fields)
      return steps.length ? steps : { type: 'pass', data: fields }
    },
  }
}
