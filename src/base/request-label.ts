/** Describes requests in messages. */

/** Returns the method, and the URL without query and fragment, which may contain secrets. */
export function formatRequestLabel(method: string, url: string): string {
  return `${method} ${url.split(/[?#]/)[0]}`
}
