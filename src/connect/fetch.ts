/** A connection by `fetch`: the default `Connect`. */
import { StreamError } from '../base/errors.ts'
import { type Parser, type ParserOptions, createParser } from '../wire/parse.ts'
import type { Batch, Connect, ConnectRequest, Connection } from './connect.ts'

/** Bytes parsed at once: a busy Chromium hands over up to 1.9 MiB, which no cache holds (bench: whole clients). */
export const SLICE = 65_536

type CreateParser = (options: ParserOptions) => Parser

/** Makes connections with `fetch`; without one given, with the global one as it is at the time. */
export function fetchConnect(fetch?: typeof globalThis.fetch, parser: CreateParser = createParser): Connect {
  return async (request) => createConnection(await openResponse(request, fetch), request, parser)
}

/** The answer to a request. Rejects with `network`, or with `signal.reason`. */
export async function openResponse(
  request: ConnectRequest,
  fetch: typeof globalThis.fetch = globalThis.fetch,
): Promise<Response> {
  const { url, method, body, lastEventId, signal, init } = request
  const headers = new Headers(request.headers)
  if (lastEventId) headers.set('last-event-id', byteString(lastEventId))
  // Platforms take only `Authorization` off on the way to another origin: with any other credential, redirects are
  // answers like any other, which are no event streams.
  const redirect = request.credentials.some((name) => name !== 'authorization') && { redirect: 'manual' as const }
  const given = body === undefined ? {} : { body }
  try {
    return await fetch(url, { cache: 'no-store', ...init, ...redirect, ...given, method, headers, signal })
  } catch (cause) {
    throw networkError(request, cause)
  }
}

/** What a platform's failure is: `network`, or `signal.reason` where that was it. */
export function networkError({ method, url, lastEventId, signal }: ConnectRequest, cause: unknown): unknown {
  if (signal.aborted) return signal.reason
  const hint = lastEventId ? ' (across origins, CORS must allow Last-Event-ID)' : ''
  // Without query and fragment, which may hold secrets.
  return new StreamError('network', `Failed${hint}: ${method} ${url.split(/[?#]/)[0]}`, { cause, retryable: true })
}

/** A string whose code units are the UTF-8 bytes: what `Headers` sends as they are (Fetch standard, `ByteString`). */
function byteString(text: string): string {
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
    return body.getReader() as unknown as Reader
  }
}

function createConnection(response: Response, request: ConnectRequest, parse: CreateParser): Connection {
  const { status, headers, body } = response
  let reader = body && openReader(body)
  let buffer: ArrayBufferLike | undefined
  let batch: Batch
  let chunk: Uint8Array = new Uint8Array()
  let failure: unknown
  const parser = parse({
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
      else if (value.length > SLICE) {
        // Busy: memory for each chunk costs more than what fills it, which a buffer used again saves. For small chunks
        // the buffer's way to the stream and back is the dearer one.
        reader!.releaseLock()
        reader = openReader(body!, 'byob')
        buffer = new ArrayBuffer(SLICE)
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
      const slice = chunk.subarray(0, SLICE)
      chunk = chunk.subarray(SLICE)
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
    async problem(maxBytes) {
      const decoder = new TextDecoder()
      let text = ''
      for (let left = maxBytes; left > 0; ) {
        const next = await readChunk()
        if (!next) break
        text += decoder.decode(next.subarray(0, left), { stream: true })
        left -= next.length
      }
      return text
    },
    cancel() {
      // Not awaited: it may hang where a body was cloned, and what it rejects with is of a connection nobody wants.
      reader?.cancel().catch(() => {})
    },
  }
}
