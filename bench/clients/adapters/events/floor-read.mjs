/** Lower bound: `fetch`, and reading to the end. */
export const checks = 'bytes'

export async function read(url) {
  const reader = (await fetch(url)).body.getReader()
  let length = 0
  for (let result = await reader.read(); !result.done; result = await reader.read()) length += result.value.length
  return length
}
