/** A connection by `fetch`: the default `Connect`. */
import { StreamError, isStreamError } from '../base/errors.ts'
import { type Block, createParser } from '../wire/parse.ts'
import type { Batch, Connect, Connection, ConnectRequest } from './connect.ts'

/** Bytes parsed at once: a busy Chromium hands over up to 1.9 MiB, and small slices stay in cache (bench: whole clients). */
const SLICE = 16_384
const MAX_REDIRECTS = 20

/** Makes connections with `fetch`; without one given, with the global one as it is at the time. */
export function fetchConnect(fetch: typeof globalThis.fetch = (input, init) => globalThis.fetch(input, init)): Connect {
  return async (request) => {
    let response: Response
    try {
      response = await follow(fetch, request)
    } catch (cause) {
      throw networkError(request, cause)
    }
    return createConnection(response, request)
  }
}

/** A request in words that are safe to log: a URL's query, user and fragment may hold secrets. */
function describe({ method, url }: ConnectRequest): string {
  return `${method} ${url.split(/[?#]/)[0]}`
}

function networkError(request: ConnectRequest, cause: unknown): unknown {
  if (request.signal.aborted) return request.signal.reason
  if (isStreamError(cause)) return cause
  const hint = request.lastEventId ? ' (across origins, Last-Event-ID must be allowed by CORS)' : ''
  return new StreamError('network', `Connection failed: ${describe(request)}${hint}`, { cause, retryable: true })
}

/**
 * Platforms follow redirects, but take only `Authorization` off on the way to another origin. With any other
 * credential header redirects are followed by hand, where they can be read (Node), and refused where not (browsers).
 */
async function follow(fetch: typeof globalThis.fetch, request: ConnectRequest): Promise<Response> {
  const { credentials, signal, body } = request
  const headers = new Headers(request.headers)
  if (request.lastEventId) headers.set('last-event-id', byteString(request.lastEventId))
  const init: RequestInit = { cache: 'no-store', ...request.init, method: request.method, headers, signal }
  if (body !== undefined) init.body = body
  const manual = credentials.some((name) => name !== 'authorization')
  if (manual) init.redirect = 'manual'
  let { url } = request
  for (let hops = 0; ; hops++) {
    const response = await fetch(url, init)
    const { status, type } = response
    const location = response.headers.get('location')
    const redirected = type === 'opaqueredirect' || (location && [301, 302, 303, 307, 308].includes(status))
    if (!manual || !redirected) return response
    void response.body?.cancel().catch(() => {}) // its head is the answer
    if (!location || hops === MAX_REDIRECTS) {
      throw new StreamError('network', `Redirected with credentials that stay with their origin: ${describe(request)}`)
    }
    const target = new URL(location, url)
    if (target.origin !== new URL(url).origin) for (const name of credentials) headers.delete(name)
    url = target.href
    // Fetch standard, section "HTTP-redirect fetch", step 12.
    if (status === 303 || (status < 303 && init.method === 'POST')) {
      init.method = 'GET'
      delete init.body
    }
  }
}

/** A string whose code units are the UTF-8 bytes: what `Headers` sends as they are (Fetch standard, `ByteString`). */
function byteString(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text))
}

function createConnection(response: Response, request: ConnectRequest): Connection {
  const { status, headers, body } = response
  const reader = body?.getReader()
  let blocks: Block[] = []
  let retry: number | undefined
  let chunk: Uint8Array = new Uint8Array()
  let failure: unknown
  const parser = createParser({
    maxEventSize: request.maxEventSize,
    onBlock: (block) => blocks.push(block),
    onRetry: (ms) => (retry = ms),
  })
  /** The next bytes; `undefined` at the end. */
  const readChunk = async (): Promise<Uint8Array | undefined> => {
    try {
      return (await reader?.read())?.value
    } catch (cause) {
      throw networkError(request, cause)
    }
  }

  return {
    status,
    headers,
    url: response.url || request.url,
    async read(): Promise<Batch | null> {
      if (failure) throw failure
      while (!chunk.length) {
        const next = await readChunk()
        if (!next) return null
        chunk = next
      }
      const slice = chunk.subarray(0, SLICE)
      chunk = chunk.subarray(SLICE)
      blocks = []
      retry = undefined
      try {
        parser.push(slice)
      } catch (error) {
        failure = error
        // What was whole before it is delivered first.
        if (!blocks.length) throw error
      }
      return { blocks, bytes: slice.length, retry }
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
      void reader?.cancel().catch(() => {})
    },
  }
}
