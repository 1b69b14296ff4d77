/** The program that runs in the page: reads a stream to its end with one adapter. */
import { createChecksum } from '../checksum.mjs'

/** Creates the function `read(path, total)`, which resolves with the wall time in milliseconds and the checksum. */
export function createProgram(adapter) {
  const { checks } = adapter
  return {
    async read(path, total) {
      const checksum = createChecksum({ ids: checks === 'text' || checks === 'json' })
      const take = { text: checksum.take, chat: checksum.takeContent }[checks] ?? checksum.takeParsed
      const from = performance.now()
      const counted = await adapter.read(path, take, total)
      const wall = performance.now() - from
      return { wall, got: counted === undefined ? checksum.value() : String(counted), checks }
    },
  }
}
