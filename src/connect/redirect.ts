/** A `fetch` that follows redirects by hand, as platforms take only `Authorization` off on the way to another origin. */
import { originOf, resolveUrl } from '../base/url.ts'

/** As many as the Fetch standard allows. */
const MAX_REDIRECTS = 20
/** What platforms that follow redirects themselves do not take to another origin. */
const strippedHeaders = ['authorization', 'proxy-authorization', 'cookie']

/**
 * Fetches, and goes where redirects lead to as the Fetch standard says (section "HTTP-redirect fetch"), but without the
 * headers named `credentials`, and those that platforms take off, on another origin. Rejects with a `TypeError`, as `fetch` does, on one redirect too many, on
 * one that leaves HTTP, and in a browser, which does not show where it leads.
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
    // Not awaited, and what it rejects with is of an answer that nobody wants.
    body?.cancel().catch(() => {})
    const target = resolveUrl(location!, url)
    // A path is one where nothing says what paths belong to.
    if (!redirectsLeft || !location || !/^(http|\/)/.test(target)) throw new TypeError('Redirect not followed')
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
