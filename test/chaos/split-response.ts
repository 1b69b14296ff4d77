/** Takes an answer apart as its link says: into pieces that are sent one by one, up to the place where it is cut. */
import { createRandom } from '../../mock-server/base/random.ts'
import { createFraming } from './framing.ts'
import type { Link } from './connection-faults.ts'

/** The rest of an answer, from a piece that says `last` on, is not sent. */
export interface Piece {
  readonly bytes: Uint8Array
  readonly last: boolean
}

/** Pieces into which a connection's answers are torn at most: each takes a turn of the event loop. */
const PIECES = 600
/** Single bytes take long: so many of them, then larger pieces. */
const SINGLE = 250
/** A place that does not come within so many bytes is not waited for. */
const PATIENCE = 8_000

/** What becomes of one connection's answers, chunk by chunk. */
export function createTear(
  { tear, answer }: Pick<Link, 'tear' | 'answer'>,
  seed: number,
): (chunk: Uint8Array) => Piece[] {
  const random = createRandom(seed)
  const placeOf = createFraming()
  let position = 0
  let next = 0
  let torn = 0

  /** Whether pieces are parted before this byte. */
  const parts = (place: ReturnType<typeof placeOf>): boolean => {
    if (!tear || torn >= PIECES) return false
    if (tear === 'character' || tear === 'chunk-head') return place === tear
    if (position < next) return false
    next =
      position +
      (tear === 'bytes' && position < SINGLE ? 1 : 1 + Math.floor(random() * (tear === 'bytes' ? 2_000 : 600)))
    return true
  }
  const cuts = (place: ReturnType<typeof placeOf>): boolean =>
    !!answer &&
    position >= answer.after &&
    (answer.place === 'anywhere' || answer.place === place || position >= answer.after + PATIENCE)

  return (chunk) => {
    const pieces: Piece[] = []
    let from = 0
    for (const [index, byte] of chunk.entries()) {
      const place = placeOf(byte)
      if (cuts(place)) return [...pieces, { bytes: chunk.subarray(from, index), last: true }]
      if (parts(place) && index > from) {
        pieces.push({ bytes: chunk.subarray(from, index), last: false })
        from = index
        torn++
      }
      position++
    }
    return [...pieces, { bytes: chunk.subarray(from), last: false }]
  }
}
