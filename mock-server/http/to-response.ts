/** Turns the responses of the mock into those of fetch handlers. */
import type { Source } from '../../server/stream/sink.ts'
import { streamResponse } from '../../server/stream/stream-response.ts'
import type { StreamBody } from '../stream/stream-body.ts'
import type { DroppedConnection, HttpResponse } from './response.ts'

/** Statuses for which a `Response` cannot have a body. */
const NULL_BODY_STATUSES = [204, 205, 304]

/** Creates a response without a body, or with text. */
export function textResponse({ status, headers }: HttpResponse, text: string | undefined): Response {
  return new Response(NULL_BODY_STATUSES.includes(status) ? null : (text ?? ''), { status, headers })
}

/** Creates a body that ends early if the connection is cut. */
function createBody({ chunks }: StreamBody, abort: () => void): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { value } = await chunks.next()
        if (value && value.bytes.length > 0) controller.enqueue(value.bytes)
        if (!value || value.cut) controller.close()
      },
      cancel: abort,
    },
    { highWaterMark: 0 },
  )
}

/** Creates the response for a channel; a dropped connection is a network error. `abort` ends the request. */
export function toChannelResponse(
  response: HttpResponse | DroppedConnection,
  createSource: (body: StreamBody) => Source,
  { signal, abort }: { readonly signal: AbortSignal; abort(): void },
): Response {
  if ('cut' in response) return Response.error()
  const { status, headers, body } = response
  if (typeof body !== 'object') return textResponse(response, body)
  if (status !== 200) return new Response(createBody(body, abort), { status, headers })
  const contentType = headers.get('content-type')
  const streamed = streamResponse(createSource(body), headers, signal)
  if (contentType !== null) streamed.headers.set('content-type', contentType)
  return streamed
}
