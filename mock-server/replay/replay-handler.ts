/** Serves a recording, event by event, with the faults of the request. */
import { HttpError } from '../../server/http/problem.ts'
import type { Exchange, Handler } from '../http/exchange.ts'
import { streamResponse } from '../http/exchange.ts'
import type { HttpResponse } from '../http/response.ts'
import type { Playbacks } from './playbacks.ts'
import type { RecordedResponse } from './recording.ts'
import { parseStream } from './recording.ts'

/** Options of `replayResponses`. */
export interface ReplayOptions {
  /** The responses to send, one for each request of their method; the last one is repeated. */
  readonly responses: readonly RecordedResponse[]
  /** Milliseconds between events, unless a rule overrides it. */
  readonly delay: number
  readonly playbacks: Playbacks
}

function respond(exchange: Exchange, response: RecordedResponse, { delay, playbacks }: ReplayOptions): HttpResponse {
  const { status, body } = response
  const { rule } = exchange
  const headers = new Headers(response.headers)
  if (!headers.get('content-type')?.startsWith('text/event-stream')) return { status, headers, body }
  const { frames, newline } = parseStream(body)
  const playback = playbacks.start({
    frames: frames.map((frame) => ({ frame, isPaced: frame.data !== undefined })),
    delay: rule.delay ?? delay,
  })
  const streamed = streamResponse(
    { ...exchange, rule: newline === 'lf' ? rule : { newline, ...rule } },
    playback.read(),
  )
  // A fault may replace the content type.
  if (rule['content-type'] !== undefined) headers.delete('content-type')
  for (const [name, value] of headers) streamed.headers.set(name, value)
  return { ...streamed, status }
}

/** Creates the handler of requests that a recording answers. */
export function replayResponses(options: ReplayOptions): Handler {
  const counts = new Map<string, number>()
  return (exchange) => {
    const { method } = exchange.request
    const matching = options.responses.filter((response) => response.method === '*' || response.method === method)
    const count = counts.get(method) ?? 0
    counts.set(method, count + 1)
    const response = matching[Math.min(count, matching.length - 1)]
    if (!response) throw new HttpError(405, `The recording has no response to ${method} ${exchange.path}.`)
    return respond(exchange, response, options)
  }
}
