/** What can be said of a request without telling secrets. */

/** Method and URL, without query and fragment, which may hold secrets. */
export function formatRequestLabel(method: string, url: string): string {
  return `${method} ${url.split(/[?#]/)[0]}`
}
