/** Addresses: absolute URLs, or paths where nothing says what they belong to. */

/** Stands in for the origin that is not known. */
const PLACEHOLDER_ORIGIN = 'http://nowhere.invalid'

/**
 * `target` as seen from `base`. Without a known origin it stays a path: a `fetch` that was given may know what it means.
 * @throws TypeError on what is not a URL, and on one with credentials
 */
export function resolveUrl(target: string | URL, base: string | URL = ''): string {
  const url = new URL(target, new URL(base, PLACEHOLDER_ORIGIN))
  if (url.username || url.password) throw new TypeError('Credentials do not belong into a URL')
  url.hash = '' // never sent
  return url.href.replace(PLACEHOLDER_ORIGIN, '')
}

export function originOf(url: string): string {
  return new URL(url, PLACEHOLDER_ORIGIN).origin
}
