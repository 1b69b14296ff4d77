/** Records the responses of a real server, without anything secret. */
import { problemResponse } from '../../server/http/problem.ts'
import type { RecordedResponse } from './recording.ts'
import { createRedactor } from './redact.ts'

/** Options of `createRecorder`. */
export interface RecorderOptions {
  /** Base URL of the real server. */
  readonly target: URL
  /** Called with each response, once it has ended or its client has left. */
  onResponse(response: RecordedResponse): void
  /** @defaultValue the global `fetch` */
  readonly fetch?: typeof fetch
}

/** The only response headers that are recorded: an unknown one may be secret. */
const RECORDED_HEADERS = [
  'content-type',
  'retry-after',
  'retry-after-ms',
  'x-should-retry',
  'x-vercel-ai-ui-message-stream',
]
/** Headers that concern one connection, or an encoding that `fetch` undoes. */
const CONNECTION_HEADERS = [
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]
/** Length at which the recording of a body stops; the client gets all of it. */
const MAX_BODY_CHARS = 16 * 1024 * 1024

function forwardedHeaders(headers: Headers): Headers {
  const forwarded = new Headers(headers)
  for (const name of CONNECTION_HEADERS) forwarded.delete(name)
  return forwarded
}

/** Passes a body on, and calls `onEnd` with its text when it ends, fails, or is cancelled. */
function observeBody(body: ReadableStream<Uint8Array>, onEnd: (text: string) => void): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let text = ''
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read()
          if (value && text.length < MAX_BODY_CHARS) text += decoder.decode(value, { stream: true })
          if (!done) return controller.enqueue(value)
          onEnd(text + decoder.decode())
          controller.close()
        } catch (error) {
          onEnd(text)
          controller.error(error)
        }
      },
      cancel(reason) {
        onEnd(text)
        return reader.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
}

/** Creates a handler that passes requests on to `target`, and records the responses. */
export function createRecorder({
  target,
  onResponse,
  fetch: send = fetch,
}: RecorderOptions): (request: Request) => Promise<Response> {
  const base = target.origin + target.pathname.replace(/\/$/, '')
  return async (request) => {
    const { method, headers, body, signal } = request
    const { pathname: path, search } = new URL(request.url)
    const redact = createRedactor(request)
    let response: Response
    try {
      const init = { method, headers: forwardedHeaders(headers), signal, redirect: 'manual', duplex: 'half' } as const
      response = await send(base + path + search, { ...init, ...(body && { body }) })
    } catch {
      return problemResponse(502, `${target.origin} cannot be reached.`)
    }
    const { status } = response
    const recorded = RECORDED_HEADERS.flatMap((name) => {
      const value = response.headers.get(name)
      return value === null ? [] : [[name, redact(value)]]
    })
    const onEnd = (text: string): void =>
      onResponse({ method, path, status, headers: Object.fromEntries(recorded), body: redact(text) })
    if (!response.body) onEnd('')
    return new Response(response.body && observeBody(response.body, onEnd), {
      status,
      headers: forwardedHeaders(response.headers),
    })
  }
}
