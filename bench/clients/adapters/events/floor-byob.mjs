/** Lower bound: like floor-decode, but reads into one reused buffer of 64 KiB. */
export const checks = 'characters'

export async function read(url) {
  const reader = (await fetch(url)).body.getReader({ mode: 'byob' })
  const decoder = new TextDecoder()
  let length = 0
  let result = await reader.read(new Uint8Array(65_536))
  while (!result.done) {
    length += decoder.decode(result.value, { stream: true }).length
    result = await reader.read(new Uint8Array(result.value.buffer))
  }
  return length
}
