/** Follows redirects by hand, because platforms would send custom credential headers to another origin. */
import { originOf, resolveUrl } from '../base/url.ts'

/** Limit in the Fetch standard. */
const MAX_REDIRECTS = 20
/** Headers that platforms remove on a redirect to another origin. */
const strippedHeaders = ['authorization', 'proxy-authorization', 'cookie']

/**
 * Fetches, and follows redirects as the Fetch standard requires (section "HTTP-redirect fetch"), but on a redirect to
 * another origin removes the `credentialHeaders` as well as the headers that platforms remove.
 *
 * Rejects with a `TypeError`, as `fetch` does, after too many redirects, on a redirect to a URL that is not HTTP, and
 * on any redirect in a browser, because browsers hide the target.
 */
export async function fetchFollowingRedirects(
  fetch: typeof globalThis.fetch,
  url: string,
  { headers, ...init }: RequestInit & { headers: Headers },
  credentialHeaders: readonly string[],
): Promise<Response> {
  for (let redirectsLeft = MAX_REDIRECTS; ; redirectsLeft--) {
    const response = await fetch(url, { ...init, headers, redirect: 'manual' })
    const { status, type, body } = response
    const location = response.headers.get('location')
    if (type !== 'opaqueredirect' && !(location && [301, 302, 303, 307, 308].includes(status))) return response
    // Not awaited, and failures do not matter: this response is no longer used.
    body?.cancel().catch(() => {})
    const target = resolveUrl(location!, url)
    // A path is a valid target if the origin is unknown.
    if (!redirectsLeft || !location || !/^(http|\/)/.test(target))
      throw new TypeError('Redirect not followed (too many, not HTTP, or hidden by a browser)')
    if (status === 303 || (status < 303 && init.method === 'POST')) {
      init.method = 'GET'
      init.body = null
      headers.delete('content-type')
    }
    if (originOf(target) !== originOf(url))
      for (const name of [...strippedHeaders, ...credentialHeaders]) headers.delete(name)
    url = target
  }
}
