/** Resolves addresses from which a run is resumed. They come from a server or a store, so they are not trusted. */
import { StreamError } from '../base/errors.ts'
import { resolveUrl } from '../base/url.ts'

/** Returns whether a resolved URL is http or https; a path is, too, if the origin is unknown. */
export function isHttpUrl(url: string): boolean {
  return /^(https?:|\/)/.test(url)
}

/**
 * Resolves the address from which a run is resumed against the URL of the response, or of the request, that named it.
 * @throws StreamError with code `invalid-data` if it is not an http or https URL, or contains credentials
 */
export function resolveResumeUrl(target: string, base: string): string {
  let url = ''
  try {
    url = resolveUrl(target, base)
  } catch {
    // No `cause`: the platform's error quotes the address, which may contain secrets.
  }
  if (isHttpUrl(url)) return url
  throw new StreamError('invalid-data', `The resume address is no http or https URL: ${base.split(/[?#]/)[0]}`)
}
