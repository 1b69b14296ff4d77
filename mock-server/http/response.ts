/** HTTP responses before a transport sends them: unlike a `Response`, they can express cut connections. */
import type { CutKind } from '../stream/faults.ts'
import type { StreamBody } from '../stream/stream-body.ts'

/** A response for a transport to send. */
export interface HttpResponse {
  readonly status: number
  readonly headers: Headers
  /** Text, or chunks to write one by one, each as soon as it is available. */
  readonly body?: string | StreamBody
  /** Forces this `Content-Encoding`, regardless of `Accept-Encoding`. */
  readonly encoding?: 'gzip' | 'br' | 'identity'
}

/** A connection that is cut before the response headers are sent. */
export interface DroppedConnection {
  readonly cut: CutKind
}

/** Creates a JSON response. */
export function jsonResponse(status: number, value: unknown, headers?: HeadersInit): HttpResponse {
  const all = new Headers(headers)
  if (!all.has('content-type')) all.set('content-type', 'application/json')
  all.set('cache-control', 'no-store')
  return { status, headers: all, body: `${JSON.stringify(value)}\n` }
}

/** Creates a response without a body. */
export function emptyResponse(status: number, headers?: HeadersInit): HttpResponse {
  return { status, headers: new Headers(headers) }
}

/** Returns the headers of an event stream (PROTOCOL.md 1.1). Only HTTP/1.1 transports add `Connection: keep-alive`. */
export function streamHeaders(): Headers {
  return new Headers({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
  })
}
