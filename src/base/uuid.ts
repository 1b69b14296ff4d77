/** Random UUIDs, also on pages without TLS, where `crypto.randomUUID` is missing. */

/** Returns a random UUID, version 4 (RFC 9562, section 5.4). */
export function createUuid(): string {
  return '10000000-1000-4000-8000-100000000000'.replace(/[018]/g, (digit) =>
    (Number(digit) ^ (crypto.getRandomValues(new Uint8Array(1))[0]! & (15 >> (Number(digit) / 4)))).toString(16),
  )
}
