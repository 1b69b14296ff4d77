/** The fingerprint of a request: two requests with the same key must ask for the same. */

/** Returns a hash of `text`, which may be large. */
export async function fingerprint(text: string): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return btoa(String.fromCharCode(...new Uint8Array(hash)))
}
