/** Serves the endpoints of a dialect. This module and the dialects are loaded with the first request that needs one. */
import { readJson } from '../http/body.ts'
import type { Exchange } from '../http/exchange.ts'
import { streamResponse } from '../http/exchange.ts'
import type { HttpResponse } from '../http/response.ts'
import { jsonResponse } from '../http/response.ts'
import { createDeltas, needsTool, planOf } from '../run/blocks.ts'
import { splitCharacters, splitTokens } from '../run/deltas.ts'
import { HttpError } from '../../server/http/problem.ts'
import type { Delta } from '../../src/message/message.ts'
import { textOf, fieldsOf } from '../../src/message/fields.ts'
import { agUi } from './ag-ui.ts'
import { aiSdk } from './ai-sdk.ts'
import { anthropic } from './anthropic.ts'
import type { Dialect, DialectEndpoint, KeptReply, ModelRequest, Reply } from './dialect.ts'
import { gemini } from './gemini.ts'
import type { DialectName } from './names.ts'
import { openaiChat } from './openai-chat.ts'
import { openaiResponses } from './openai-responses.ts'
import { withRequiredTool } from './required-tool.ts'
import type { Playback } from '../replay/playback.ts'

const dialects: Readonly<Record<DialectName, Dialect>> = {
  'openai-chat': openaiChat,
  'openai-responses': openaiResponses,
  anthropic,
  gemini,
  'ai-sdk': aiSdk,
  'ag-ui': agUi,
}

/** Returns the deltas of an extra event of a rule, as a block of its own. */
function extraDeltas(type: string, data: unknown, block: number): Delta[] {
  const { content, id, function: called } = fieldsOf(data)
  const { name, arguments: args } = fieldsOf(called)
  if (type === 'reasoning') return [{ type, block, content: textOf(content) }]
  if (type !== 'tool_call') return []
  return [{ type: 'tool-call', block, id: textOf(id), name: textOf(name), args: textOf(args) }]
}

/** Returns the deltas of an answer, with the extra events of the rule between them. */
function withExtraEvents(deltas: readonly Delta[], { rule }: Exchange): Delta[] {
  const { events = [] } = rule
  const extra = events.map(({ after, type, data }, index) => ({
    after,
    deltas: extraDeltas(type, data, 1_000 + index),
  }))
  const at = (position: number): Delta[] => extra.flatMap((event) => (event.after === position ? event.deltas : []))
  return [...deltas.flatMap((delta, index) => [...at(index), delta]), ...at(deltas.length)]
}

const countContent = (deltas: readonly Delta[]): number =>
  deltas.filter((delta) => ('content' in delta && delta.content) || ('args' in delta && delta.args)).length

function createReply(exchange: Exchange, endpoint: DialectEndpoint, request: ModelRequest): Reply {
  const { rule, clock } = exchange
  const { answer: plannedAnswer, finish, usage = {} } = planOf(endpoint.generateAnswer(request.prompt))
  const answer = withRequiredTool(plannedAnswer, request)
  const split = (rule.tokens ?? endpoint.unit === 'token') ? splitTokens : splitCharacters
  const all = createDeltas(answer, split)
  const errorAfter = rule['error-after']
  const sent = errorAfter === undefined ? all : all.slice(0, errorAfter)
  const message = `The generation failed after ${sent.length} delta${sent.length === 1 ? '' : 's'}.`
  return {
    id: crypto.randomUUID(),
    request,
    created: clock.date(),
    deltas: withExtraEvents(sent, exchange),
    finish: rule['finish-reason'] ?? finish ?? (needsTool(answer) ? 'tool-calls' : 'stop'),
    usage: {
      input: usage.inputTokens ?? request.prompt.length,
      output: usage.outputTokens ?? countContent(all),
      reasoning: usage.reasoningTokens ?? countContent(all.filter(({ type }) => type === 'reasoning')),
      cached: usage.cachedTokens ?? 0,
    },
    error: errorAfter === undefined ? undefined : { message, code: rule['error-code'] },
  }
}

/** Resolves once the last frame is due, or when the client has left. */
function waitForEnd(playback: Playback, { signal }: Exchange): Promise<void> {
  const source = playback.read()
  return new Promise((resolve) => {
    const finish = (): void => {
      unwatch()
      source.close()
      signal.removeEventListener('abort', finish)
      resolve()
    }
    const check = (): void => {
      while (source.take());
      if (source.state !== 'open') finish()
    }
    const unwatch = source.watch(check)
    signal.addEventListener('abort', finish)
    // An answer without delays has ended already, so that `watch` reports nothing.
    check()
  })
}

async function startAnswer(dialect: Dialect, exchange: Exchange, endpoint: DialectEndpoint): Promise<HttpResponse> {
  const request = dialect.read(await readJson(exchange.request, endpoint.bodyLimit), exchange)
  const reply = createReply(exchange, endpoint, request)
  const { rule, identity } = exchange
  const details: KeptReply = { reply, isCancelled: false }
  const { keepAs } = request
  const playback = endpoint.playbacks.start({
    frames: dialect.frames(reply).map((frame) => ({ frame, isPaced: frame.index !== undefined })),
    delay: rule.delay ?? endpoint.delay,
    keep:
      keepAs === undefined ? undefined : { key: keepAs.replace('{id}', reply.id), owner: identity.subject, details },
  })
  if (request.stream || !dialect.whole) {
    const { newline } = dialect
    const response = streamResponse(newline ? { ...exchange, rule: { newline, ...rule } } : exchange, playback.read())
    for (const [name, value] of Object.entries(dialect.headers ?? {})) response.headers.set(name, value)
    return response
  }
  if (request.isBackground && dialect.begun) return jsonResponse(200, dialect.begun(reply))
  await waitForEnd(playback, exchange)
  if (reply.error) throw new HttpError(500, reply.error.message)
  return jsonResponse(200, dialect.whole(reply))
}

/** Handles a request to an endpoint of a dialect. */
export async function serveDialect(
  name: DialectName,
  exchange: Exchange,
  endpoint: DialectEndpoint,
): Promise<HttpResponse> {
  const dialect = dialects[name]
  const response = dialect.handle?.(exchange, endpoint)
  if (response) return response
  if (exchange.request.method !== 'POST') throw new HttpError(405, 'Expected a POST request.', { allow: 'POST' })
  return startAnswer(dialect, exchange, endpoint)
}

/** Writes an error response as the vendor does; the status and other headers stay. */
export function withVendorError(name: DialectName, response: HttpResponse, message: string): HttpResponse {
  if (response.status < 400) return response
  const { body, headers } = dialects[name].error(response.status, message)
  const all = new Headers(response.headers)
  for (const [header, value] of Object.entries(headers)) all.set(header, value)
  return { ...response, headers: all, body }
}
