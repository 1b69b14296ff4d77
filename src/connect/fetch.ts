/** The default `Connect`: opens connections with `fetch`. */
import { StreamError } from '../base/errors.ts'
import { formatRequestLabel } from '../base/request-label.ts'
import { type BlockParser, type BlockParserOptions, createBlockParser } from '../sse/parse.ts'
import type { Batch, Connect, ConnectRequest, Connection } from './connect.ts'
import { readText } from './read-text.ts'
import { fetchFollowingRedirects } from './redirect.ts'

/**
 * Largest slice that is parsed at once, in bytes: a busy Chromium delivers chunks of up to 1.9 MiB, which exceed the
 * CPU caches (measured with bench/clients).
 */
export const MAX_SLICE_BYTES = 65_536

type CreateParser = (options: BlockParserOptions) => BlockParser

/**
 * Creates the default `Connect`, on which a custom `Connect` can be built.
 *
 * @param fetch - Replacement for the global `fetch`, which is otherwise looked up on each request.
 * @example
 * ```ts
 * const connect = fetchConnect((input, init) => fetch(input, { ...init, priority: 'high' }))
 * const client = createClient({ connect })
 * ```
 */
export function fetchConnect(fetch?: typeof globalThis.fetch): Connect {
  return fetchConnectWithParser(createBlockParser, fetch, fetchFollowingRedirects)
}

/**
 * `fetchConnect` for entries with a parser of their own. Without `followRedirects`, requests must not have credentials
 * other than `Authorization`, because redirects would carry them to other origins.
 */
export function fetchConnectWithParser(
  makeParser: CreateParser,
  fetch?: typeof globalThis.fetch,
  followRedirects?: typeof fetchFollowingRedirects,
): Connect {
  return async (request) => createConnection(await sendRequest(request, fetch, followRedirects), request, makeParser)
}

/**
 * Resolves with the response to a request; rejects with code `network`, or with `signal.reason`. `followRedirects` is
 * used if `fetch` would send credentials along on a redirect to another origin.
 */
export async function sendRequest(
  request: ConnectRequest,
  fetch: typeof globalThis.fetch = globalThis.fetch,
  followRedirects?: typeof fetchFollowingRedirects,
): Promise<Response> {
  const { url, method, body, lastEventId, signal, init, credentialHeaders } = request
  const headers = new Headers(request.headers)
  if (lastEventId) headers.set('last-event-id', toByteString(lastEventId))
  const fetchInit = {
    cache: 'no-store',
    ...init,
    ...(body !== undefined && { body }),
    method,
    headers,
    signal,
  } as const
  const allowsRedirects = (init?.redirect ?? 'follow') === 'follow'
  try {
    return await (followRedirects && allowsRedirects && credentialHeaders.some((name) => name !== 'authorization')
      ? followRedirects(fetch, url, fetchInit, credentialHeaders)
      : fetch(url, fetchInit))
  } catch (cause) {
    throw networkError(request, cause)
  }
}

/** Converts a platform failure to an error with code `network`, or to `signal.reason` after an abort. */
export function networkError({ method, url, lastEventId, signal }: ConnectRequest, cause: unknown): unknown {
  if (signal.aborted) return signal.reason
  const hint = lastEventId ? ' (across origins, CORS must allow Last-Event-ID; see lastEventId)' : ''
  return new StreamError('network', `Request failed${hint}: ${formatRequestLabel(method, url)}`, {
    cause,
    retryable: true,
  })
}

/**
 * Returns a string whose code units are the UTF-8 bytes of `text`, which `Headers` sends unchanged (Fetch standard,
 * `ByteString`).
 */
function toByteString(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join('')
}

/** The part of a stream reader that is used here. A default reader ignores the buffer. */
interface Reader {
  read(buffer?: Uint8Array): Promise<{ done: boolean; value?: Uint8Array | undefined }>
  cancel(): Promise<void>
  releaseLock(): void
}

function openReader(body: ReadableStream<Uint8Array>, mode?: 'byob'): Reader {
  try {
    return body.getReader({ mode } as ReadableStreamGetReaderOptions) as unknown as Reader
  } catch {
    // The body is not a byte stream (for example, because the page created it), or the platform lacks byte streams.
    return body.getReader()
  }
}

function createConnection(response: Response, request: ConnectRequest, makeParser: CreateParser): Connection {
  const { status, headers, body } = response
  let reader = body && openReader(body)
  let buffer: ArrayBufferLike | undefined
  let batch: Batch
  let chunk: Uint8Array = new Uint8Array()
  let failure: unknown
  const parser = makeParser({
    maxEventSize: request.maxEventSize,
    onBlock: (block) => batch.blocks.push(block),
    onRetry: (ms) => (batch.retry = ms),
  })
  /** Resolves with the next bytes, which are valid until the next call, or with `undefined` at the end. */
  const readChunk = async (): Promise<Uint8Array | undefined> => {
    try {
      const { done, value } = (await reader?.read(buffer && new Uint8Array(buffer))) ?? { done: true }
      if (done || !value) return undefined
      // The stream has detached the buffer and returns the same memory as a new buffer.
      if (buffer) buffer = value.buffer
      else if (value.length > MAX_SLICE_BYTES) {
        // Under load, allocating each chunk costs more than filling it, so one buffer is reused from now on. For small
        // chunks, transferring the buffer to the stream and back would cost more than allocating.
        reader!.releaseLock()
        reader = openReader(body!, 'byob')
        buffer = new ArrayBuffer(MAX_SLICE_BYTES)
      }
      return value
    } catch (cause) {
      throw networkError(request, cause)
    }
  }

  return {
    status,
    headers,
    url: response.url || request.url,
    async read() {
      if (failure) throw failure
      while (!chunk.length) {
        const next = await readChunk()
        if (!next) return null
        chunk = next
      }
      const slice = chunk.subarray(0, MAX_SLICE_BYTES)
      chunk = chunk.subarray(MAX_SLICE_BYTES)
      batch = { blocks: [], bytes: slice.length }
      try {
        parser.push(slice)
      } catch (error) {
        failure = error
        // First deliver the complete blocks that precede the failure.
        if (!batch.blocks.length) throw error
      }
      return batch
    },
    readText: (maxBytes) => readText(readChunk, maxBytes),
    cancel() {
      // Not awaited, because `cancel()` of a cloned body may hang. Failures do not matter: the body is no longer used.
      reader?.cancel().catch(() => {})
    },
  }
}
