/** Random UUIDs, also on pages without TLS, where `crypto.randomUUID` is missing. */

/**
 * Returns a number from 0 to 255, with a fraction where `crypto` is missing (React Native). `Math.random()` is enough for
 * an idempotency key or the name of a tab, which must be unique but need not be secret.
 */
const randomByte = (): number => globalThis.crypto?.getRandomValues?.(new Uint8Array(1))[0] ?? Math.random() * 256

/** Returns a random UUID, version 4 (RFC 9562, section 5.4). */
export function createUuid(): string {
  return '10000000-1000-4000-8000-100000000000'.replace(/[018]/g, (digit) =>
    (Number(digit) ^ (randomByte() & (15 >> (Number(digit) / 4)))).toString(16),
  )
}
