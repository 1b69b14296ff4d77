/** URL resolution: absolute URLs, or paths if the origin is unknown. */

/** Stands in for an unknown origin. */
const PLACEHOLDER_ORIGIN = 'http://nowhere.invalid'

/**
 * Resolves `target` against `base`. If the origin is unknown, the result is a path, which a custom `fetch` may accept.
 * @throws TypeError if the URL is invalid or contains credentials
 */
export function resolveUrl(target: string | URL, base: string | URL = ''): string {
  const url = new URL(target, new URL(base, PLACEHOLDER_ORIGIN))
  if (url.username || url.password) throw new TypeError('A URL must not contain credentials; use auth')
  // The fragment is never part of a request. React Native has no setter for `hash`.
  const href = url.href.split('#')[0]!
  // React Native also appends a slash to the path of an absolute URL.
  const isPathChanged = href === `${target}/` && url.pathname !== '/'
  return isPathChanged ? `${target}` : href.replace(PLACEHOLDER_ORIGIN, '')
}

/** Returns the origin of a URL. All paths share one placeholder origin. */
export function originOf(url: string): string {
  return new URL(url, PLACEHOLDER_ORIGIN).origin
}

/** Returns whether a resolved URL is http or https; a path is, too, if the origin is unknown. */
export function isHttpUrl(url: string): boolean {
  return /^(https?:|\/)/.test(url)
}

/**
 * Resolves an address that a server has named; the result is empty if it is not an http or https URL, or contains
 * credentials. There is no error, because the platform's error quotes the address, which may contain secrets.
 */
export function resolveHttpUrl(target: string, base: string): string {
  try {
    const url = resolveUrl(target, base)
    return isHttpUrl(url) ? url : ''
  } catch {
    return ''
  }
}
