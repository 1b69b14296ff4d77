/** The dialect of Gemini's `generateContent` and `streamGenerateContent`. */
import { HttpError } from '../../server/http/problem.ts'
import { fieldsOf, listOf, textOf } from '../../src/message/fields.ts'
import type { Frame } from '../stream/frame.ts'
import { jsonResponse } from '../http/response.ts'
import type { Dialect, Reply, TokenCounts } from './dialect.ts'
import { lastUserText } from './dialect.ts'
import type { Part } from './parts.ts'
import { inputOf, partsOf, walkParts } from './parts.ts'

const STATUSES: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ABORTED',
  429: 'RESOURCE_EXHAUSTED',
  499: 'CANCELLED',
  501: 'UNIMPLEMENTED',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
}
const FINISH_REASONS: Readonly<Record<string, string>> = {
  length: 'MAX_TOKENS',
  'content-filter': 'SAFETY',
  error: 'OTHER',
}

const usageOf = ({ input, output, reasoning, cached }: TokenCounts) => ({
  promptTokenCount: input,
  candidatesTokenCount: output - reasoning,
  totalTokenCount: input + output,
  ...(reasoning > 0 && { thoughtsTokenCount: reasoning }),
  ...(cached > 0 && { cachedContentTokenCount: cached }),
})

const errorOf = (
  code: number,
  message: string,
  status = STATUSES[code] ?? (code < 500 ? 'INVALID_ARGUMENT' : 'INTERNAL'),
) => ({
  error: { code, message, status },
})

/** Returns a part of the vendor's: calls are whole, so that only the end of a call has one. */
const textPart = ({ type }: Part, text: string): object => ({ text, ...(type === 'reasoning' && { thought: true }) })
const callPart = (part: Part): object => ({ functionCall: { id: part.id, name: part.name, args: inputOf(part) } })
const partOf = (part: Part): object => (part.type === 'tool-call' ? callPart(part) : textPart(part, part.content))

const responseOf = ({ id, request, finish }: Reply, parts: readonly object[], usage: object, isLast: boolean) => ({
  candidates: [
    {
      content: { parts, role: 'model' },
      ...(isLast && { finishReason: FINISH_REASONS[finish] ?? 'STOP' }),
      index: 0,
    },
  ],
  usageMetadata: usage,
  modelVersion: request.model,
  responseId: id,
})

function* framesOf(reply: Reply): Generator<Frame> {
  const { deltas, usage, error } = reply
  const promptUsage = { promptTokenCount: usage.input, totalTokenCount: usage.input }
  const frame = (parts: readonly object[], index: number): Frame => ({
    data: JSON.stringify(responseOf(reply, parts, promptUsage, false)),
    index,
  })
  let index = 0
  for (const step of walkParts(deltas, !error)) {
    if (step.step === 'delta') index = step.index
    if (step.step === 'delta' && step.part.type !== 'tool-call') yield frame([textPart(step.part, step.content)], index)
    if (step.step === 'end' && step.part.type === 'tool-call') yield frame([callPart(step.part)], index)
  }
  if (error) {
    const { message, code } = error
    return yield { data: JSON.stringify(errorOf(503, message, code ?? STATUSES[503])), index: deltas.length }
  }
  const last = responseOf(reply, [{ text: '' }], usageOf(usage), true)
  yield { data: JSON.stringify(last), index: deltas.length }
}

/** Splits `MODEL:METHOD` at the end of a path. */
function parseAction(path: string): { model: string; method: string } {
  const [, model = '', method = ''] = /\/([^/:]*)(?::(\w+))?$/.exec(path) ?? []
  return { model: decodeURIComponent(model), method }
}

const modelOf = (name: string) => ({
  name: `models/${name}`,
  displayName: name,
  supportedGenerationMethods: ['generateContent', 'streamGenerateContent'],
})

/** The dialect of Gemini. */
export const gemini: Dialect = {
  newline: 'crlf',
  read(body, { path, url }) {
    const { model, method } = parseAction(path)
    if (method !== 'generateContent' && method !== 'streamGenerateContent')
      throw new HttpError(404, `models/${model}: ${method || 'the method'} is not found, or not supported.`)
    const isStream = method === 'streamGenerateContent'
    if (isStream && url.searchParams.get('alt') !== 'sse') throw new HttpError(501, 'Only alt=sse is supported here.')
    const prompt = lastUserText('contents', body['contents'], 'parts')
    const { candidateCount = 1, responseLogprobs } = fieldsOf(body['generationConfig'])
    if (candidateCount !== 1) throw new HttpError(400, 'Multiple candidates is not enabled for this model')
    if (responseLogprobs) throw new HttpError(400, 'Logprobs is not enabled for this model')
    const { mode, allowedFunctionNames } = fieldsOf(fieldsOf(body['toolConfig'])['functionCallingConfig'])
    const name = Array.isArray(allowedFunctionNames) ? textOf(allowedFunctionNames[0]) : ''
    const declarations = listOf(body['tools']).flatMap((tool) => listOf(tool['functionDeclarations']))
    return {
      prompt,
      model,
      stream: isStream,
      tools: declarations.map((tool) => ({
        name: textOf(tool['name']),
        schema: tool['parametersJsonSchema'] ?? tool['parameters'],
      })),
      requiredTool: mode === 'ANY' ? { ...(name && { name }) } : undefined,
      body,
    }
  },
  frames: (reply) => [...framesOf(reply)],
  whole: (reply) => responseOf(reply, partsOf(reply.deltas).map(partOf), usageOf(reply.usage), true),
  error: (status, message) => ({
    body: JSON.stringify(errorOf(status, message)),
    headers: { 'content-type': 'application/json; charset=UTF-8' },
  }),
  handle({ request, path }, endpoint) {
    if (request.method !== 'GET') return undefined
    if (path === endpoint.path) return jsonResponse(200, { models: [modelOf('rivulet-mock')] })
    return jsonResponse(200, modelOf(parseAction(path).model))
  },
}
