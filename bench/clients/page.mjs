/** What runs in the page beside one adapter: lets it read the stream once. */
import { createChecksum } from './checksum.mjs'

/** Milliseconds that it took, and what came. */
export async function run(adapter, total) {
  const { checks } = adapter
  const { take, takeParsed, value } = createChecksum({ ids: checks !== 'json without ids' })
  const from = performance.now()
  const counted = await adapter.read('/events', checks === 'text' ? take : takeParsed, total)
  return { wall: performance.now() - from, got: counted === undefined ? value() : String(counted) }
}
