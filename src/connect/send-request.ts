/** Sends the request of one attempt with `fetch`. */
import type { ConnectRequest } from './connect.ts'
import { setLastEventId } from './last-event-id.ts'
import { networkError, unsupportedError } from './network-error.ts'
import { watchPageExit } from './page-exit.ts'
import type { fetchFollowingRedirects } from './redirect.ts'

/**
 * The implementations of `fetch` that have rejected the `cache` option. Until late 2024, workerd had no cache modes ("The
 * 'cache' field on 'RequestInitializerDict' is not implemented"); later versions have some ("Unsupported cache mode").
 */
const fetchesWithoutCache = new WeakSet<typeof globalThis.fetch>()

/**
 * Resolves with the response to a request. Rejects with code `network`, with code `unsupported` if `fetch` resolves with
 * something else, with code `redirect`, or with `signal.reason`. `followRedirects` is used if `fetch` might send
 * credentials along on a redirect to another origin.
 */
export async function sendRequest(
  request: ConnectRequest,
  fetch: typeof globalThis.fetch = globalThis.fetch,
  followRedirects?: typeof fetchFollowingRedirects,
): Promise<Response> {
  const { url, method, body, lastEventId, signal, init, credentialHeaders } = request
  watchPageExit()
  const headers = new Headers(request.headers)
  if (lastEventId) setLastEventId(headers, lastEventId)
  const fetchInit = { cache: 'no-store', ...init, body: body ?? init?.body ?? null, method, headers, signal } as const
  const fetchResponse = async (target: string, targetInit: RequestInit): Promise<Response> => {
    const { cache: _cache, ...initWithoutCache } = targetInit
    const isWithoutCache = fetchesWithoutCache.has(fetch)
    let response: unknown
    try {
      response = await fetch(target, isWithoutCache ? initWithoutCache : targetInit)
    } catch (cause) {
      if (isWithoutCache || !/'cache' field|cache mode/i.test(String(cause))) throw await networkError(request, cause)
      // Nothing has been sent: the platform rejects the option before it starts the request.
      fetchesWithoutCache.add(fetch)
      return fetchResponse(target, initWithoutCache)
    }
    if (isResponse(response)) return response
    throw unsupportedError(request, 'fetch returned no response')
  }
  const allowsRedirects = (init?.redirect ?? 'follow') === 'follow'
  return followRedirects && allowsRedirects && credentialHeaders.some(mightLeaveOrigin)
    ? followRedirects(fetchResponse as typeof globalThis.fetch, url, fetchInit, credentialHeaders)
    : fetchResponse(url, fetchInit)
}

/** Returns whether `fetch` has resolved with a response. */
export function isResponse(value: unknown): value is Response {
  const { status, headers } = (value ?? {}) as Partial<Response>
  return typeof status === 'number' && typeof headers?.get === 'function'
}

/**
 * Returns whether `fetch` might send a credential along on a redirect to another origin. Browsers keep `Authorization`
 * at its origin, and hide redirects from scripts; some other platforms, which have no location (workerd) or no streams
 * (jsdom with node-fetch), send it along.
 */
function mightLeaveOrigin(credentialHeader: string): boolean {
  return credentialHeader !== 'authorization' || !globalThis.location || !globalThis.ReadableStream
}
