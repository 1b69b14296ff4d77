/** A connection by `fetch`: the default `Connect`. */
import { StreamError } from '../base/errors.ts'
import { formatRequestLabel } from '../base/request-label.ts'
import { type BlockParser, type BlockParserOptions, createBlockParser } from '../sse/parse.ts'
import type { Batch, Connect, ConnectRequest, Connection } from './connect.ts'
import { readText } from './read-text.ts'
import { fetchFollowingRedirects } from './redirect.ts'

/** Bytes parsed at once: a busy Chromium hands over up to 1.9 MiB, which no cache holds (bench: whole clients). */
export const MAX_SLICE_BYTES = 65_536

type CreateParser = (options: BlockParserOptions) => BlockParser

/** Makes connections with `fetch`; without one given, with the global one as it is at the time. */
export function fetchConnect(fetch?: typeof globalThis.fetch): Connect {
  return fetchConnectWithParser(createBlockParser, fetch, fetchFollowingRedirects)
}

/** `fetchConnect` for entries whose events differ from those of the SDK. Without `byHand` its requests must have no credentials. */
export function fetchConnectWithParser(
  makeParser: CreateParser,
  fetch?: typeof globalThis.fetch,
  followRedirects?: typeof fetchFollowingRedirects,
): Connect {
  return async (request) => createConnection(await sendRequest(request, fetch, followRedirects), request, makeParser)
}

/** The answer to a request; `byHand` is what follows redirects with credentials. Rejects with `network`, or with `signal.reason`. */
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

/** What a platform's failure is: `network`, or `signal.reason` where that was it. */
export function networkError({ method, url, lastEventId, signal }: ConnectRequest, cause: unknown): unknown {
  if (signal.aborted) return signal.reason
  const hint = lastEventId ? ' (across origins, CORS must allow Last-Event-ID)' : ''
  return new StreamError('network', `Failed${hint}: ${formatRequestLabel(method, url)}`, { cause, retryable: true })
}

/** A string whose code units are the UTF-8 bytes: what `Headers` sends as they are (Fetch standard, `ByteString`). */
function toByteString(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join('')
}

/** As much of a reader as is used here: one that takes no notice of a buffer will do. */
interface Reader {
  read(buffer?: Uint8Array): Promise<{ done: boolean; value?: Uint8Array | undefined }>
  cancel(): Promise<void>
  releaseLock(): void
}

function openReader(body: ReadableStream<Uint8Array>, mode?: 'byob'): Reader {
  try {
    return body.getReader({ mode } as ReadableStreamGetReaderOptions) as unknown as Reader
  } catch {
    // No byte stream (one made by a page, say), or a platform without them.
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
  /** The next bytes, valid until those after them are asked for; `undefined` at the end. */
  const readChunk = async (): Promise<Uint8Array | undefined> => {
    try {
      const { done, value } = (await reader?.read(buffer && new Uint8Array(buffer))) ?? { done: true }
      if (done || !value) return undefined
      // The stream has taken the buffer, and gives it back as another object.
      if (buffer) buffer = value.buffer
      else if (value.length > MAX_SLICE_BYTES) {
        // Busy: memory for each chunk costs more than what fills it, which a buffer used again saves. For small chunks
        // the buffer's way to the stream and back is the dearer one.
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
        // What was whole before it is delivered first.
        if (!batch.blocks.length) throw error
      }
      return batch
    },
    readText: (maxBytes) => readText(readChunk, maxBytes),
    cancel() {
      // Not awaited: it may hang where a body was cloned, and what it rejects with is of a connection nobody wants.
      reader?.cancel().catch(() => {})
    },
  }
}
