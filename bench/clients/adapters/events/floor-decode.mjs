/** Lower bound: `fetch`, reading, and a streaming TextDecoder. */
export const checks = 'characters'

export async function read(url) {
  const reader = (await fetch(url)).body.getReader()
  const decoder = new TextDecoder()
  let length = 0
  for (let result = await reader.read(); !result.done; result = await reader.read()) {
    length += decoder.decode(result.value, { stream: true }).length
  }
  return length
}
