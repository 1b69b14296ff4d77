/** Bytes of a text in UTF-8, without making them: it may be all that memory should hold. */
export function byteLength(text: string): number {
  let bytes = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    // Each half of a surrogate pair is two of its four bytes.
    bytes += code < 0x80 ? 1 : code < 0x800 || code >> 11 === 0x1b ? 2 : 3
  }
  return bytes
}
