/** What an answer says that is no event stream. */

/** The body that `readChunk` reads as text, at most `maxBytes` of it. */
export async function readProblem(readChunk: () => Promise<Uint8Array | undefined>, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for (let left = maxBytes; left > 0;) {
    const chunk = await readChunk()
    if (!chunk) break
    text += decoder.decode(chunk.subarray(0, left), { stream: true })
    left -= chunk.length
  }
  return text
}
