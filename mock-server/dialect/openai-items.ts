/** The output items of OpenAI's Responses API, and the events that write one. */
import type { Part, PartStep } from './parts.ts'

/** An event without its number. */
export interface ResponsesEvent {
  readonly type: string
  /** Number of the delta that the event sends. */
  readonly index?: number
  readonly [field: string]: unknown
}

type ItemStatus = 'in_progress' | 'completed' | 'incomplete'

const ID_PREFIXES = { text: 'msg', refusal: 'msg', reasoning: 'rs', 'tool-call': 'fc' }

const contentPart = ({ type }: Part, content: string): object =>
  type === 'refusal'
    ? { type: 'refusal', refusal: content }
    : { type: 'output_text', text: content, annotations: [], logprobs: [] }

/** Returns an output item; one in progress has no content yet. */
export function itemOf(part: Part, responseId: string, status: ItemStatus): object {
  const { type, position, content, id: callId, name } = part
  const id = `${ID_PREFIXES[type]}_${responseId}_${position}`
  const isBegun = status === 'in_progress'
  if (type === 'tool-call')
    return { id, type: 'function_call', status, arguments: isBegun ? '' : content, call_id: callId, name }
  if (type === 'reasoning')
    return { id, type: 'reasoning', summary: isBegun ? [] : [{ type: 'summary_text', text: content }] }
  return { id, type: 'message', status, role: 'assistant', content: isBegun ? [] : [contentPart(part, content)] }
}

/** Names of the fields and events of a part of an item. */
function partNames({ type }: Part) {
  if (type === 'reasoning')
    return { at: { summary_index: 0 }, part: 'reasoning_summary_part', text: 'reasoning_summary_text', value: 'text' }
  const [text, value] = type === 'refusal' ? ['refusal', 'refusal'] : ['output_text', 'text']
  return { at: { content_index: 0 }, part: 'content_part', text, value }
}

/** Returns the events that a step makes. */
export function eventsOf(step: PartStep, responseId: string): ResponsesEvent[] {
  if (step.step === 'result') return []
  const { part } = step
  const { type, position: output_index, content, name } = part
  const item_id = `${ID_PREFIXES[type]}_${responseId}_${output_index}`
  const isCall = type === 'tool-call'
  const names = partNames(part)
  const where = isCall ? { item_id, output_index } : { item_id, output_index, ...names.at }
  const event = (name_: string, fields: object): ResponsesEvent => ({ type: `response.${name_}`, ...where, ...fields })
  const partAs = (text: string): object =>
    type === 'reasoning' ? { type: 'summary_text', text } : contentPart(part, text)
  if (step.step === 'begin') {
    const item = itemOf(part, responseId, 'in_progress')
    const added = { type: 'response.output_item.added', output_index, item }
    return isCall ? [added] : [added, event(`${names.part}.added`, { part: partAs('') })]
  }
  if (step.step === 'delta') {
    const { content: delta, index } = step
    if (isCall) return delta ? [event('function_call_arguments.delta', { delta, index })] : []
    return [event(`${names.text}.delta`, { delta, index, ...(type === 'text' && { logprobs: [] }) })]
  }
  const done = { type: 'response.output_item.done', output_index, item: itemOf(part, responseId, 'completed') }
  if (isCall) return [event('function_call_arguments.done', { arguments: content, name }), done]
  const value = { [names.value]: content, ...(type === 'text' && { logprobs: [] }) }
  return [event(`${names.text}.done`, value), event(`${names.part}.done`, { part: partAs(content) }), done]
}
