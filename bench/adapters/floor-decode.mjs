/** Lower bound: a streaming TextDecoder only. */
export const checks = false

export function read(chunks, take) {
  const decoder = new TextDecoder()
  let length = 0
  for (let i = 0; i < chunks.length; i++) length += decoder.decode(chunks[i], { stream: true }).length
  take('', String(length), '')
}
