/** The chunked encoding of HTTP/1.1, made once for all connections that get the same bytes. */

const encoded = new WeakMap<Uint8Array, Buffer>()
/** The last bytes and their chunk: all readers of a feed get the same bytes one after another. */
let last: { readonly bytes: Uint8Array; readonly chunk: Buffer } | undefined

/** Returns `bytes`, which are not empty and do not change, as one chunk. */
export function toChunk(bytes: Uint8Array): Buffer {
  if (last?.bytes === bytes) return last.chunk
  let chunk = encoded.get(bytes)
  if (!chunk) {
    chunk = Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`, 'latin1'), bytes, Buffer.from('\r\n')])
    encoded.set(bytes, chunk)
  }
  last = { bytes, chunk }
  return chunk
}
