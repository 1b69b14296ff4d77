/** Hashes requests, so that a stored cursor reveals to which one it belongs without containing it. */

/** Returns a hash of 32 bits (FNV-1a). It need not resist attacks: who can write to the store can replace the cursor, too. */
export function hash(text: string): string {
  let value = 0x811c9dc5
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  return (value >>> 0).toString(36)
}
