/** Follows redirects by hand, because platforms would send custom credential headers to another origin. */
import { StreamError } from '../base/errors.ts'
import { formatRequestLabel } from '../base/request-error.ts'
import { originOf, resolveHttpUrl } from '../base/url.ts'
import { cancelBody } from './read-body.ts'

/** Limit in the Fetch standard. */
const MAX_REDIRECTS = 20
/** Headers that platforms remove on a redirect to another origin. */
const strippedHeaders = ['authorization', 'proxy-authorization', 'cookie']

/**
 * Fetches, and follows redirects as the Fetch standard requires (section "HTTP-redirect fetch"), but on a redirect to
 * another origin removes the `credentialHeaders` as well as the headers that platforms remove.
 *
 * Rejects with code `redirect` after too many redirects, on a redirect to a URL that is not HTTP, and on any redirect in
 * a browser, because browsers hide the target.
 */
export async function fetchFollowingRedirects(
  fetch: typeof globalThis.fetch,
  url: string,
  { headers, ...init }: RequestInit & { headers: Headers },
  credentialHeaders: readonly string[],
): Promise<Response> {
  const label = formatRequestLabel({ method: init.method ?? 'GET', url })
  for (let redirectsLeft = MAX_REDIRECTS; ; redirectsLeft--) {
    const response = await fetch(url, { ...init, headers, redirect: 'manual' })
    const { status, type } = response
    const location = response.headers.get('location')
    const isHidden = type === 'opaqueredirect'
    if (!isHidden && !(location && /^30[12378]$/.test(`${status}`))) return response
    // This response is no longer used.
    cancelBody(response)
    const target = resolveHttpUrl(location ?? '', url)
    let problem = target ? '' : 'its target is not an HTTP URL'
    if (!redirectsLeft) problem = 'too many redirects'
    if (isHidden) problem = `a browser would send ${credentialHeaders.join(', ')} to any origin`
    if (problem) throw new StreamError('redirect', `Redirect not followed, ${problem}: ${label}`)
    const { method = 'GET' } = init
    if (status === 303 ? method !== 'HEAD' : status < 303 && method === 'POST') {
      init.method = 'GET'
      init.body = null
      headers.delete('content-type')
    }
    if (originOf(target) !== originOf(url))
      for (const name of [...strippedHeaders, ...credentialHeaders]) headers.delete(name)
    url = target
  }
}
