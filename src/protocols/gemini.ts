/** The protocol of Gemini's `streamGenerateContent`: each event is a whole response with the next parts. */
import { failureStep } from './failure.ts'
import { type Fields, fieldsOf, listOf, mergeFields, textOf, usageOf } from '../message/fields.ts'
import type { Delta, Message } from '../message/message.ts'
import type { MessageOptions } from '../message/reduce.ts'
import { setAtPath } from './json-path.ts'
import type { End, Protocol, Step } from './protocol.ts'
import { richProtocol } from './rich.ts'

/** A call whose arguments arrive as patches. */
interface OpenCall {
  readonly block: number
  readonly raw: Fields
  readonly args: Record<string, unknown>
}

interface GeminiState {
  hasStarted: boolean
  /** Number of blocks. */
  count: number
  /** What the last block holds, if a part of the same kind continues it. */
  current: 'text' | 'reasoning' | undefined
  call: OpenCall | undefined
  callCount: number
  /** ID of the last code that was run. */
  codeId: string
  hasOwnCalls: boolean
  sourceCount: number
  reason: string
  usage: Fields | undefined
}

const FINISH_REASONS: Readonly<Record<string, string>> = { STOP: 'stop', MAX_TOKENS: 'length' }
const FAILED = /^(MALFORMED|UNEXPECTED|TOO_MANY|MISSING)_|^OTHER$|^NO_IMAGE$|^IMAGE_OTHER$/

const endOf = ({ reason, usage, hasOwnCalls }: GeminiState): End => {
  const { promptTokenCount, candidatesTokenCount, thoughtsTokenCount, cachedContentTokenCount } = usage ?? {}
  const output = (Number(candidatesTokenCount) || 0) + (Number(thoughtsTokenCount) || 0)
  const unknown = FAILED.test(reason) ? 'error' : 'content-filter'
  return {
    finishReason: hasOwnCalls && reason === 'STOP' ? 'tool-calls' : (FINISH_REASONS[reason] ?? unknown),
    rawFinishReason: reason,
    usage: usageOf(usage, promptTokenCount, output, thoughtsTokenCount, cachedContentTokenCount),
  }
}

/** Returns the deltas that end a call whose arguments have arrived as patches; its end may be missing. */
function endCall(state: GeminiState): Delta[] {
  const { call } = state
  state.call = undefined
  if (!call) return []
  const { willContinue: _, partialArgs: _patches, ...named } = fieldsOf(call.raw['functionCall'])
  const raw = { ...call.raw, functionCall: { ...named, args: call.args } }
  return [{ type: 'tool-call', block: call.block, args: JSON.stringify(call.args), raw }]
}

/** Returns the deltas of a part that is a call, or a piece of one. */
function callDeltas(state: GeminiState, part: Fields): Delta[] {
  const { id, name, args, partialArgs, willContinue } = fieldsOf(part['functionCall'])
  const begun: Delta[] = name ? endCall(state) : []
  if (name) {
    state.hasOwnCalls = true
    const block = state.count++
    const isWhole = !willContinue && !partialArgs
    const own = { type: 'tool-call', block, id: textOf(id) || `call_${state.callCount++}`, name: textOf(name) } as const
    if (isWhole) return [...begun, { ...own, args: JSON.stringify(args ?? {}), raw: part }]
    state.call = { block, raw: part, args: { ...fieldsOf(args) } }
    begun.push({ ...own, args: '' })
  }
  for (const patch of listOf(partialArgs)) if (state.call) setAtPath(state.call.args, patch)
  return willContinue ? begun : [...begun, ...endCall(state)]
}

/** Returns the deltas of a part. */
function partDeltas(state: GeminiState, part: Fields): Delta[] {
  const { text, thought, thoughtSignature, functionCall, executableCode, codeExecutionResult } = part
  if (functionCall) {
    state.current = undefined
    return callDeltas(state, part)
  }
  if (typeof text === 'string') {
    const type = thought ? 'reasoning' : 'text'
    // A signature belongs to its own part alone.
    if (!text && !thoughtSignature) return []
    if (state.current !== type || thoughtSignature) state.count++
    state.current = thoughtSignature ? undefined : type
    return [{ type, block: state.count - 1, content: text, ...(thoughtSignature ? { raw: part } : {}) }]
  }
  state.current = undefined
  if (executableCode) {
    const id = (state.codeId = `code_${state.callCount++}`)
    const args = JSON.stringify(executableCode)
    return [{ type: 'tool-call', block: state.count++, id, name: 'code_execution', args, server: true, raw: part }]
  }
  if (codeExecutionResult) {
    const { outcome } = fieldsOf(codeExecutionResult)
    const error = outcome === 'OUTCOME_OK' ? '' : textOf(outcome)
    return [{ type: 'tool-result', id: state.codeId, output: codeExecutionResult, ...(error && { error }) }]
  }
  const name = Object.keys(part).find((key) => key !== 'thoughtSignature')
  return name ? [{ type: 'data', block: state.count++, name, data: part }] : []
}

/** Returns the sources that a candidate names; later events repeat them. */
function sourceDeltas(state: GeminiState, { groundingMetadata, citationMetadata }: Fields): Delta[] {
  const { citations, citationSources } = fieldsOf(citationMetadata)
  const chunks = listOf(fieldsOf(groundingMetadata)['groundingChunks'])
  const all = [...chunks, ...listOf(citations ?? citationSources)]
  const added = all.slice(state.sourceCount)
  state.sourceCount = Math.max(state.sourceCount, all.length)
  if (added.length) state.current = undefined
  return added.map((raw) => {
    const { uri, title } = fieldsOf(raw['web'] ?? raw['retrievedContext'] ?? raw)
    return { type: 'source', block: state.count++, url: textOf(uri), title: textOf(title), raw }
  })
}

/** Returns the steps of an event. */
function stepsOf(state: GeminiState, data: Fields): Step<Delta>[] {
  const { candidates, promptFeedback, usageMetadata, modelVersion, responseId } = data
  const steps: Step<Delta>[] = []
  if (!state.hasStarted)
    steps.push({ type: 'start', id: textOf(responseId) || undefined, model: textOf(modelVersion) || undefined, data })
  state.hasStarted = true
  if (usageMetadata) state.usage = mergeFields(state.usage, usageMetadata)
  const { blockReason } = fieldsOf(promptFeedback)
  if (blockReason) state.reason ||= textOf(blockReason)
  // Only the first of several alternatives makes the message.
  for (const candidate of listOf(candidates).filter(({ index }) => !index)) {
    const { content, finishReason } = candidate
    const deltas = listOf(fieldsOf(content)['parts']).flatMap((part) => partDeltas(state, part))
    deltas.push(...sourceDeltas(state, candidate))
    if (finishReason) deltas.push(...endCall(state))
    if (finishReason) state.reason = textOf(finishReason)
    steps.push(...deltas.map((delta): Step<Delta> => ({ type: 'delta', delta, data })))
  }
  return steps
}

/**
 * Returns the protocol of Gemini's `streamGenerateContent?alt=sse`. `raw` of a block is the part with a signature, or the
 * call, to be sent back unchanged. A stream that ends without a finish reason fails with code `truncated`.
 *
 * @example
 * ```ts
 * import { gemini } from 'rivulet/gemini'
 * const json = { contents: [{ role: 'user', parts: [{ text: 'Hello' }] }] }
 * const run = client.stream('/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse', { protocol: gemini(), json })
 * for await (const _ of run) console.log(run.message?.blocks)
 * ```
 */
export function gemini(options?: MessageOptions): Protocol<Delta, unknown, Message> {
  return {
    ...richProtocol(options),
    name: 'gemini',
    begin: (): GeminiState => ({
      hasStarted: false,
      count: 0,
      current: undefined,
      call: undefined,
      callCount: 0,
      codeId: '',
      hasOwnCalls: false,
      sourceCount: 0,
      reason: '',
      usage: undefined,
    }),
    map({ data: text }, state: GeminiState) {
      if (!text.trim()) return undefined
      const data = fieldsOf(JSON.parse(text))
      return data['error'] ? failureStep(data, false) : stepsOf(state, data)
    },
    eof: (state: GeminiState) => (state.reason ? endOf(state) : undefined),
  }
}
