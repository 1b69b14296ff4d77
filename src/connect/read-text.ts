/** Reads the body of a response that is not an event stream. */

/** Resolves with the first `maxBytes` of the chunks from `readChunk`, decoded as UTF-8. */
export async function readText(readChunk: () => Promise<Uint8Array | undefined>, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for (let bytesLeft = maxBytes; bytesLeft > 0;) {
    const chunk = await readChunk()
    if (!chunk) break
    text += decoder.decode(chunk.subarray(0, bytesLeft), { stream: true })
    bytesLeft -= chunk.length
  }
  return text
}
