/** Measures how many bytes are sent for an answer of 2,000 deltas, flushed after every event, by encoding. */
import { encodings, open } from './client.mjs'

const DELTAS = 2_000

const words =
  'the stream goes on and every event has its place in it while nothing is lost on a bad network today'.split(' ')
/** Creates a text of 2,000 tokens from a fixed seed. */
function createText() {
  let state = 1
  const next = () => (state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff) >>> 8
  return Array.from({ length: DELTAS }, () => words[next() % words.length]).join(' ')
}

/** Resolves with the number of bytes received for each encoding. */
export async function measureWire({ startMockServer }) {
  const bytes = {}
  for (const encoding of encodings) {
    const server = await startMockServer({ answers: [createText()], unit: 'token', delay: 1, heartbeat: 0 })
    let text = ''
    const client = open(`${server.url}/api/generate?prompt=x`, encoding, (piece) => (text += piece))
    await client.ended
    const deltas = text.split('event: delta\n').length - 1
    if (deltas !== DELTAS) throw new Error(`Received ${deltas} deltas with ${encoding} instead of ${DELTAS}`)
    bytes[encoding] = client.bytes
    await server.close()
  }
  return { deltas: DELTAS, bytes }
}
