/** The program that runs in the page: reads the stream once with one adapter. */
import { createChecksum } from './checksum.mjs'

/** Resolves with the wall time in milliseconds and the checksum of the events. */
export async function run(adapter, total) {
  const { checks } = adapter
  const { take, takeParsed, value } = createChecksum({ ids: checks !== 'json without ids' })
  const from = performance.now()
  const counted = await adapter.read('/events', checks === 'text' ? take : takeParsed, total)
  return { wall: performance.now() - from, got: counted === undefined ? value() : String(counted) }
}
