/** The protocol of OpenAI's Responses API: items with parts, and numbered events, from which a background run resumes. */
import { failureStep } from './failure.ts'
import { StreamError } from '../base/errors.ts'
import { type Fields, fieldsOf, listOf, textOf, usageOf } from '../message/fields.ts'
import type { Delta, Message } from '../message/message.ts'
import type { MessageOptions } from '../message/reduce.ts'
import type { End, Protocol, Step } from './protocol.ts'
import { BlockNumbers, richProtocol } from './rich.ts'

interface ResponsesState {
  readonly blocks: BlockNumbers
  /** Calls whose arguments have begun to arrive. */
  readonly withArgs: Set<unknown>
  /** Number of the last event; -1 before the first one. */
  sequence: number
  /** URL of the response to the first request; empty on a server, which resumes nothing. */
  url: string
  /** Whether the application has to run a tool. */
  hasCalls: boolean
}

/** Items that are calls. The application runs the tools of those in `OWN_CALLS`, and OpenAI the others. */
const CALL = /_call$/
const OWN_CALLS = /^(function|custom_tool|shell|apply_patch|computer|local_shell)_call$/
const ARGUMENTS =
  /^response\.(function_call_arguments|custom_tool_call_input|mcp_call_arguments|code_interpreter_call_code)\.delta$/
const REASONING = /^response\.reasoning(_summary)?_text\.delta$/

/** Returns the deltas of an item that has begun. Messages and reasoning begin with their first text. */
function beginItem({ blocks }: ResponsesState, index: unknown, item: Fields): Delta[] {
  const type = textOf(item['type'])
  if (!CALL.test(type)) return []
  const [id, name] = [textOf(item['call_id']) || textOf(item['id']), textOf(item['name']) || type]
  return [{ type: 'tool-call', block: blocks.of(index), id, name, args: '', server: !OWN_CALLS.test(type) }]
}

/** Returns the deltas of an item that is whole: what its deltas did not have, and what has to be sent back unchanged. */
function endItem(state: ResponsesState, index: unknown, item: Fields): Delta[] {
  const { blocks, withArgs } = state
  const { type: itemType, output, error, results, action } = item
  const type = textOf(itemType)
  if (CALL.test(type)) {
    state.hasCalls ||= OWN_CALLS.test(type)
    const input = item['arguments'] ?? item['input'] ?? item['code'] ?? (action && JSON.stringify(action)) ?? ''
    const args = withArgs.has(index) ? '' : textOf(input)
    const begun = blocks.has(index) ? [] : beginItem(state, index, item)
    const id = textOf(item['call_id']) || textOf(item['id'])
    const value = output ?? results ?? item['outputs'] ?? item['result']
    const failure = textOf(fieldsOf(error)['message']) || textOf(error)
    const result: Delta = { type: 'tool-result', id, output: value, ...(failure && { error: failure }) }
    const call: Delta = { type: 'tool-call', block: blocks.of(index), args, raw: item }
    return [...begun, call, ...(value || failure ? [result] : [])]
  }
  if (type === 'reasoning') {
    const parts = blocks.has(index) ? [] : [...listOf(item['summary']), ...listOf(item['content'])]
    const content = parts.map(({ text }) => textOf(text)).join('\n\n')
    return [{ type: 'reasoning', block: blocks.of(index), content, raw: item }]
  }
  if (type !== 'message') return [{ type: 'data', block: blocks.of(index), name: type, data: item }]
  const parts = listOf(item['content']).entries()
  return [...parts].flatMap(([position, part]): Delta[] => {
    const key = `${String(index)}/${position}`
    const isText = part['type'] === 'output_text'
    if (!isText && part['type'] !== 'refusal') return []
    const content = blocks.has(key) ? '' : textOf(part['text']) || textOf(part['refusal'])
    if (!content && !blocks.has(key)) return []
    return [{ type: isText ? 'text' : 'refusal', block: blocks.of(key), content, raw: part }]
  })
}

/** Returns the deltas of an event. */
function deltasOf(state: ResponsesState, data: Fields): Delta[] {
  const { blocks } = state
  const { type: eventType, output_index: index, content_index: position = 0, summary_index: summary, delta } = data
  const type = textOf(eventType)
  const content = textOf(delta)
  const key = `${String(index)}/${String(position)}`
  if (type === 'response.output_text.delta') return [{ type: 'text', block: blocks.of(key), content }]
  if (type === 'response.refusal.delta') return [{ type: 'refusal', block: blocks.of(key), content }]
  if (REASONING.test(type)) {
    // The parts of a summary are paragraphs of one block.
    const part = `${String(index)}#${String(summary ?? position)}`
    const isLater = !blocks.has(part) && blocks.has(index)
    const block = blocks.of(index)
    blocks.alias(part, block)
    return [{ type: 'reasoning', block, content: isLater ? `\n\n${content}` : content }]
  }
  if (ARGUMENTS.test(type)) {
    state.withArgs.add(index)
    return [{ type: 'tool-call', block: blocks.of(index), args: content }]
  }
  if (type === 'response.output_text.annotation.added') {
    const { annotation } = data
    const { url, title, filename } = fieldsOf(annotation)
    const known = { ...(textOf(url) && { url: textOf(url) }), title: textOf(title) || textOf(filename) }
    return [{ type: 'source', block: blocks.next(), ...known, raw: annotation }]
  }
  if (type === 'response.output_item.added') return beginItem(state, index, fieldsOf(data['item']))
  if (type === 'response.output_item.done') return endItem(state, index, fieldsOf(data['item']))
  return []
}

/** Returns how a response has ended. */
function endOf({ hasCalls }: ResponsesState, type: string, response: Fields): End {
  const { incomplete_details: details, usage: rawUsage, status } = response
  const usage = rawUsage ? fieldsOf(rawUsage) : undefined
  const reason = textOf(fieldsOf(details)['reason'])
  let finishReason = hasCalls ? 'tool-calls' : 'stop'
  if (type === 'response.incomplete') finishReason = reason === 'content_filter' ? 'content-filter' : 'length'
  if (type === 'response.cancelled') finishReason = 'cancelled'
  return {
    finishReason,
    rawFinishReason: reason || textOf(status) || type.slice('response.'.length),
    usage: usageOf(
      usage,
      usage?.['input_tokens'],
      usage?.['output_tokens'],
      fieldsOf(usage?.['output_tokens_details'])['reasoning_tokens'],
      fieldsOf(usage?.['input_tokens_details'])['cached_tokens'],
    ),
  }
}

/** Returns `address` with another path, and with `searchParams` added. */
function withPath(address: string, path: string, searchParams: Record<string, string> = {}): string {
  const url = new URL(address)
  if (!url.pathname.endsWith(path)) url.pathname += path
  for (const [name, value] of Object.entries(searchParams)) url.searchParams.set(name, value)
  return url.href
}

/** Returns the steps of an event, or none if it was received before. */
function stepsOf(state: ResponsesState, data: Fields): Step<Delta>[] {
  const { type: eventType, sequence_number: sequence, response: whole } = data
  const type = textOf(eventType)
  const response = fieldsOf(whole)
  // Not every server numbers its errors.
  if (type === 'response.failed') return [{ ...failureStep(response, false), usage: response['usage'], data }]
  if (type === 'error') return [{ ...failureStep(data, false), data }]
  let at: string | undefined
  if (typeof sequence === 'number') {
    if (sequence <= state.sequence) return [{ type: 'skip' }]
    if (state.sequence >= 0 && sequence > state.sequence + 1) {
      const message = `Expected event ${state.sequence + 1}, received event ${sequence}`
      throw new StreamError('gap', message, { retryable: true })
    }
    state.sequence = sequence
    at = `${sequence}`
  }
  if (type === 'response.created') {
    const { id, model, background } = response
    const resume = background && state.url ? withPath(state.url, `/${encodeURIComponent(textOf(id))}`) : undefined
    return [{ type: 'start', id: textOf(id), streamId: textOf(id), model: textOf(model), resume, at, data }]
  }
  if (/^response\.(completed|incomplete|cancelled)$/.test(type))
    return [{ type: 'end', ...endOf(state, type, response), at, data }]
  const deltas = deltasOf(state, data)
  return deltas.length ? deltas.map((delta) => ({ type: 'delta', delta, at, data })) : [{ type: 'pass', at, data }]
}

/**
 * Returns the protocol of OpenAI's Responses API. A run with `background: true` resumes after an interruption, and can be
 * cancelled; other runs cannot. `raw` of a block is the vendor's item, to be sent back unchanged.
 *
 * @example
 * ```ts
 * import { openaiResponses } from 'rivulet/openai'
 * const json = { model: 'gpt-5', stream: true, background: true, input: 'Hello' }
 * const run = client.stream('/v1/responses', { protocol: openaiResponses(), json })
 * for await (const _ of run) console.log(run.message?.blocks)
 * ```
 */
export function openaiResponses(options?: MessageOptions): Protocol<Delta, unknown, Message> {
  return {
    ...richProtocol(options),
    name: 'openai-responses',
    begin: (): ResponsesState => ({
      blocks: new BlockNumbers(),
      withArgs: new Set(),
      sequence: -1,
      url: '',
      hasCalls: false,
    }),
    connected(state: ResponsesState, { url }) {
      const address = new URL(url)
      for (const name of ['stream', 'starting_after']) address.searchParams.delete(name)
      state.url ||= address.href
    },
    map({ data }, state: ResponsesState) {
      const text = data.trim()
      // OpenRouter sends this after the end.
      if (!text || text === '[DONE]') return undefined
      return stepsOf(state, fieldsOf(JSON.parse(text)))
    },
    resume: {
      url: (address, at) => withPath(address, '', { stream: 'true', ...(at && { starting_after: at }) }),
      replays: 'after',
    },
    // DELETE would delete the stored answer.
    cancel: (address) => ({ method: 'POST', url: withPath(address, '/cancel') }),
  }
}
