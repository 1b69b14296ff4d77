/** Splits a response into pieces that are sent one by one, up to the cut if there is one. */
import { createRandom } from '../../mock-server/base/random.ts'
import type { ConnectionFaults } from './connection-faults.ts'
import { createFrameTracker } from './framing.ts'

/** A piece of a response; nothing is sent after a piece with `isLast`. */
export interface ResponsePiece {
  readonly bytes: Uint8Array
  readonly isLast: boolean
}

/** Maximum number of pieces per connection, because each piece takes a turn of the event loop. */
const MAX_PIECES = 600
/** Number of leading bytes sent one by one; larger pieces follow, because single bytes would take too long. */
const MAX_SINGLE_BYTE_PIECES = 250
/** If the requested region does not occur within this many bytes, the response is cut anyway. */
const MAX_REGION_SEARCH_BYTES = 8_000

/** Creates a function that splits the response chunks of one connection. */
export function createResponseSplitter(
  { split, response }: Pick<ConnectionFaults, 'split' | 'response'>,
  seed: number,
): (chunk: Uint8Array) => ResponsePiece[] {
  const random = createRandom(seed)
  const regionOf = createFrameTracker()
  let position = 0
  let nextSplit = 0
  let pieceCount = 0

  /** Returns whether to split before this byte. */
  const splitsBefore = (region: ReturnType<typeof regionOf>): boolean => {
    if (!split || pieceCount >= MAX_PIECES) return false
    if (split === 'character' || split === 'chunk-head') return region === split
    if (position < nextSplit) return false
    nextSplit =
      position +
      (split === 'bytes' && position < MAX_SINGLE_BYTE_PIECES
        ? 1
        : 1 + Math.floor(random() * (split === 'bytes' ? 2_000 : 600)))
    return true
  }
  const cutsBefore = (region: ReturnType<typeof regionOf>): boolean =>
    !!response &&
    position >= response.afterBytes &&
    (response.region === 'anywhere' ||
      response.region === region ||
      position >= response.afterBytes + MAX_REGION_SEARCH_BYTES)

  return (chunk) => {
    const pieces: ResponsePiece[] = []
    let from = 0
    for (const [index, byte] of chunk.entries()) {
      const region = regionOf(byte)
      if (cutsBefore(region)) return [...pieces, { bytes: chunk.subarray(from, index), isLast: true }]
      if (splitsBefore(region) && index > from) {
        pieces.push({ bytes: chunk.subarray(from, index), isLast: false })
        from = index
        pieceCount++
      }
      position++
    }
    return [...pieces, { bytes: chunk.subarray(from), isLast: false }]
  }
}
