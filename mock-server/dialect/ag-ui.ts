/** The dialect of AG-UI: the events of an agent's run. */
import { HttpError } from '../../server/http/problem.ts'
import { listOf, textOf } from '../../src/message/fields.ts'
import type { Frame } from '../stream/frame.ts'
import type { Dialect, Reply } from './dialect.ts'
import { contentText } from './dialect.ts'
import type { PartStep } from './parts.ts'
import { walkParts } from './parts.ts'

/** Returns the events that a step makes. */
function eventsOf(step: PartStep, messageId: string): object[] {
  if (step.step === 'result') {
    const { id: toolCallId, output } = step
    const content = typeof output === 'string' ? output : JSON.stringify(output)
    return [{ type: 'TOOL_CALL_RESULT', messageId: `${messageId}-${toolCallId}`, toolCallId, content, role: 'tool' }]
  }
  const { part } = step
  if (part.type === 'tool-call') {
    const { id: toolCallId, name: toolCallName } = part
    if (step.step === 'begin')
      return [{ type: 'TOOL_CALL_START', toolCallId, toolCallName, parentMessageId: messageId }]
    if (step.step === 'end') return [{ type: 'TOOL_CALL_END', toolCallId }]
    return step.content ? [{ type: 'TOOL_CALL_ARGS', toolCallId, delta: step.content }] : []
  }
  const id = `${messageId}-${part.position}`
  if (part.type === 'reasoning') {
    if (step.step === 'delta') return [{ type: 'REASONING_MESSAGE_CONTENT', messageId: id, delta: step.content }]
    const [outer, inner] = [{ messageId: id }, { messageId: id, ...(step.step === 'begin' && { role: 'reasoning' }) }]
    return step.step === 'begin'
      ? [
          { type: 'REASONING_START', ...outer },
          { type: 'REASONING_MESSAGE_START', ...inner },
        ]
      : [
          { type: 'REASONING_MESSAGE_END', ...inner },
          { type: 'REASONING_END', ...outer },
        ]
  }
  if (step.step === 'begin') return [{ type: 'TEXT_MESSAGE_START', messageId: id, role: 'assistant' }]
  if (step.step === 'end') return [{ type: 'TEXT_MESSAGE_END', messageId: id }]
  return [{ type: 'TEXT_MESSAGE_CONTENT', messageId: id, delta: step.content }]
}

function* framesOf({ id, request, deltas, error, usage, created }: Reply): Generator<Frame> {
  const frame = (fields: object, index?: number): Frame => ({
    data: JSON.stringify({ ...fields, timestamp: created }),
    ...(index !== undefined && { index }),
  })
  const run = {
    threadId: textOf(request.body['threadId']) || `thread-${id}`,
    runId: textOf(request.body['runId']) || `run-${id}`,
  }
  yield frame({ type: 'RUN_STARTED', ...run })
  for (const step of walkParts(deltas, !error)) {
    for (const event of eventsOf(step, `message-${id}`)) yield frame(event, 'index' in step ? step.index : undefined)
  }
  if (error) return yield frame({ type: 'RUN_ERROR', ...error }, deltas.length)
  const { input, output, reasoning, cached } = usage
  const counts = { inputTokens: input, outputTokens: output, totalTokens: input + output }
  const details = {
    ...(reasoning > 0 && { reasoningTokens: reasoning }),
    ...(cached > 0 && { cachedInputTokens: cached }),
  }
  const end = { type: 'RUN_FINISHED', ...run, outcome: { type: 'success' }, usage: [{ ...counts, ...details }] }
  yield frame(end, deltas.length)
}

/** The dialect of AG-UI. */
export const agUi: Dialect = {
  read(body) {
    if (!Array.isArray(body['messages'])) throw new HttpError(400, 'messages: expected an array.')
    const last = listOf(body['messages']).findLast(({ role }) => role === 'user')
    return { prompt: contentText(last?.['content']), model: 'rivulet-mock', stream: true, body }
  },
  frames: (reply) => [...framesOf(reply)],
  error: (status, message) => ({
    body: JSON.stringify({ message, code: `${status}` }),
    headers: { 'content-type': 'application/json' },
  }),
}
