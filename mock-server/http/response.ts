/** An answer before a face has sent it: what a `Response` says, and the cuts that it cannot say. */
import type { CutKind } from '../stream/faults.ts'
import type { StreamBody } from '../stream/stream-body.ts'

/** What a face sends. */
export interface HttpResponse {
  readonly status: number
  readonly headers: Headers
  /** Text, or chunks to be written one by one, each at once. */
  readonly body?: string | StreamBody
  /** Content-Encoding, whatever was accepted. */
  readonly encoding?: 'gzip' | 'br' | 'identity'
}

/** The connection is cut before the head. */
export interface DroppedConnection {
  readonly cut: CutKind
}

/** A JSON answer. */
export function jsonResponse(status: number, value: unknown, headers?: HeadersInit): HttpResponse {
  const all = new Headers(headers)
  if (!all.has('content-type')) all.set('content-type', 'application/json')
  all.set('cache-control', 'no-store')
  return { status, headers: all, body: `${JSON.stringify(value)}\n` }
}

/** An answer without a body. */
export function emptyResponse(status: number, headers?: HeadersInit): HttpResponse {
  return { status, headers: new Headers(headers) }
}

/** The headers of an event stream (PROTOCOL.md 1.1). `Connection: keep-alive` is the HTTP/1.1 face's. */
export function streamHeaders(): Headers {
  return new Headers({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
  })
}
