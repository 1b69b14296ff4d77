/** Sends the request of one attempt with `fetch`. */
import { fetchWithCacheMode } from './cache-mode.ts'
import type { ConnectRequest } from './connect.ts'
import { setLastEventId } from './last-event-id.ts'
import { networkError, requestError } from './network-error.ts'
import type { fetchFollowingRedirects } from './redirect.ts'

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
  const headers = new Headers(request.headers)
  if (lastEventId) setLastEventId(headers, lastEventId)
  const fetchInit = { cache: 'no-store', ...init, body: body ?? init?.body ?? null, method, headers, signal } as const
  const fetchResponse = async (target: string, targetInit: RequestInit): Promise<Response> => {
    let response: unknown
    try {
      response = await fetchWithCacheMode(fetch, target, targetInit)
    } catch (cause) {
      throw networkError(request, cause)
    }
    if (isResponse(response)) return response
    throw requestError(request, 'unsupported', 'fetch returned no response')
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
 * at its origin, and hide redirects from scripts; some other platforms, which have no location, send it along.
 */
function mightLeaveOrigin(credentialHeader: string): boolean {
  return credentialHeader !== 'authorization' || !globalThis.location
}
