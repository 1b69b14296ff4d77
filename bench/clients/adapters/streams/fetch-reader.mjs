/** Lower bound: `fetch` and a reader, which takes every chunk for the first event. */

/** Opens a stream; returns a function that closes it. */
export function open(url, onEvent, onError) {
  const controller = new AbortController()
  const { signal } = controller
  const read = async () => {
    const reader = (await fetch(url, { signal })).body.getReader()
    for (let result = await reader.read(); !result.done; result = await reader.read()) onEvent('', '', '0')
  }
  // Closing rejects the pending read.
  read().catch((error) => signal.aborted || onError(error))
  return () => controller.abort()
}
