/** Resolves addresses from which a run is resumed. They come from a server or a store, so they are not trusted. */
import { StreamError } from '../base/errors.ts'
import { resolveHttpUrl } from '../base/url.ts'

/**
 * Resolves the address from which a run is resumed against the URL of the response, or of the request, that named it.
 * @throws StreamError with code `invalid-data` if it is not an http or https URL, or contains credentials
 */
export function resolveResumeUrl(target: string, base: string): string {
  const url = resolveHttpUrl(target, base)
  if (url) return url
  throw new StreamError('invalid-data', `The resume address is no http or https URL: ${base.split(/[?#]/)[0]}`)
}
