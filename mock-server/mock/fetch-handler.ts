/** The service as `(Request) => Response`, for everything that is no socket: pages, workers, tests. */
import type { Answer } from '../http/response.ts'
import type { Counting } from '../http/traffic.ts'
import { createTraffic } from '../http/traffic.ts'
import type { Service } from '../service/service.ts'
import type { Body } from '../stream/stream-body.ts'

/** Answers a request; rejects as `fetch` does where a socket would be cut, and stays pending where a server would be silent. */
export type Respond = (request: Request) => Promise<Response>

/** Statuses that a `Response` may not have a body with. */
const BODILESS = [204, 205, 304]

/** What `fetch` says when a connection breaks. */
const broken = (): TypeError => new TypeError('network error: the mock server cut the connection')

function streamOf(body: Body, request: Request, gone: AbortController, traffic: Counting): ReadableStream<Uint8Array> {
  let cut: 'no' | 'next' = 'no'
  const { chunks, lost } = body
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const fail = (error: unknown): void => {
          gone.abort()
          controller.error(error)
        }
        request.signal.addEventListener('abort', () => fail(request.signal.reason), { once: true })
        lost?.addEventListener('abort', () => fail(broken()), { once: true })
      },
      async pull(controller) {
        if (cut === 'next') throw broken()
        const { done, value } = await chunks.next()
        if (gone.signal.aborted) return
        if (done) return controller.close()
        traffic.sent = traffic.bytes += value.bytes.length
        if (value.bytes.length > 0) controller.enqueue(value.bytes)
        if (!value.cut) return
        // What got out before the cut is read first: an error would take it away.
        if (value.bytes.length === 0) throw broken()
        cut = 'next'
      },
      cancel() {
        gone.abort()
      },
    },
    // Nothing ahead of the reader: back-pressure reaches the source.
    { highWaterMark: 0 },
  )
}

function responseOf(
  { status, headers, body }: Answer,
  request: Request,
  gone: AbortController,
  traffic: Counting,
): Response {
  const whole = typeof body === 'object' ? streamOf(body, request, gone, traffic) : (body ?? '')
  const plain = BODILESS.includes(status) ? null : whole
  return new Response(plain, { status, headers })
}

/** Makes the function. It imports nothing of Node, so that it runs in a page and in a service worker too. */
export function createRespond(service: Service): Respond {
  return async (request) => {
    request.signal.throwIfAborted()
    const gone = new AbortController()
    const leave = (): void => gone.abort()
    request.signal.addEventListener('abort', leave, { once: true })
    const traffic = createTraffic()
    const answer = await service.answer(request, { signal: gone.signal, traffic })
    request.signal.throwIfAborted()
    if ('cut' in answer) throw broken()
    return responseOf(answer, request, gone, traffic)
  }
}
