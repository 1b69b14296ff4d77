/** The service as a function `(Request) => Response`, for pages, workers and tests that open no port. */
import type { HttpResponse } from '../http/response.ts'
import { textResponse } from '../http/to-response.ts'
import type { MutableTraffic } from '../http/traffic.ts'
import { createTraffic } from '../http/traffic.ts'
import type { Service } from '../service/service.ts'
import type { StreamBody } from '../stream/stream-body.ts'

/** Handles a request. Rejects like `fetch` if the connection would be cut; stays pending if no response would come. */
export type FetchHandler = (request: Request) => Promise<Response>

/** Creates the error that `fetch` rejects with when a connection breaks. */
const createNetworkError = (): TypeError => new TypeError('network error: the mock server cut the connection')

function createReadableStream(
  body: StreamBody,
  request: Request,
  abortController: AbortController,
  traffic: MutableTraffic,
): ReadableStream<Uint8Array> {
  let pendingCut: 'none' | 'next' = 'none'
  const { chunks, connectionCut } = body
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const fail = (error: unknown): void => {
          abortController.abort()
          controller.error(error)
        }
        request.signal.addEventListener('abort', () => fail(request.signal.reason), { once: true })
        connectionCut?.addEventListener('abort', () => fail(createNetworkError()), { once: true })
      },
      async pull(controller) {
        if (pendingCut === 'next') throw createNetworkError()
        const { done, value } = await chunks.next()
        if (abortController.signal.aborted) return
        if (done) return controller.close()
        traffic.sent = traffic.bytes += value.bytes.length
        if (value.bytes.length > 0) controller.enqueue(value.bytes)
        if (!value.cut) return
        // Let the reader take the bytes before reporting the cut: an error now would discard them.
        if (value.bytes.length === 0) throw createNetworkError()
        pendingCut = 'next'
      },
      cancel() {
        abortController.abort()
      },
    },
    // Never read ahead, so that backpressure reaches the source.
    { highWaterMark: 0 },
  )
}

function toResponse(
  response: HttpResponse,
  request: Request,
  abortController: AbortController,
  traffic: MutableTraffic,
): Response {
  const { status, headers, body } = response
  if (typeof body !== 'object') return textResponse(response, body)
  return new Response(createReadableStream(body, request, abortController, traffic), { status, headers })
}

/** Creates the handler. This module must not import from Node: it also runs in pages and service workers. */
export function createFetchHandler(service: Service): FetchHandler {
  return async (request) => {
    request.signal.throwIfAborted()
    const abortController = new AbortController()
    const onAbort = (): void => abortController.abort()
    request.signal.addEventListener('abort', onAbort, { once: true })
    const traffic = createTraffic()
    const response = await service.handle(request, { signal: abortController.signal, traffic })
    request.signal.throwIfAborted()
    if ('cut' in response) throw createNetworkError()
    return toResponse(response, request, abortController, traffic)
  }
}
