/** The description of a request in messages. */

/** Returns method and URL, without query and fragment: they may contain secrets. */
export function formatRequestLabel(method: string, url: string): string {
  return `${method} ${url.split(/[?#]/)[0]}`
}
