/** What an answer says that is no event stream. */

/** The body that `readChunk` reads as text, at most `maxBytes` of it. */
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
