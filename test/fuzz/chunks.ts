/** Streams in pieces, as readers hand them over: cut anywhere, and lent for the time of one call. */
import * as fc from 'fast-check'

const THRESHOLD_LENGTHS = [32, 128, 992, 1024].flatMap((edge) => [edge - 1, edge, edge + 1])

/** Sizes of the chunks, used in turn, empty ones among them; the last kind is the whole stream at once. */
export const chunkSizes: fc.Arbitrary<number[]> = fc.oneof(
  fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 8 }),
  fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 8 }),
  fc.array(fc.oneof(fc.constantFrom(...THRESHOLD_LENGTHS), fc.nat(40)), { minLength: 1, maxLength: 6 }),
  fc.constant<number[]>([1]),
  fc.constant<number[]>([1_000_000]),
)

/** The stream in chunks of these sizes; where all are empty, one empty chunk and then the rest. */
export function splitIntoChunks<Stream extends Uint8Array | string>(stream: Stream, list: number[]): Stream[] {
  const chunks: Stream[] = []
  const allEmpty = list.every((size) => !size)
  for (let at = 0, n = 0; at < stream.length; n++) {
    const size = allEmpty && n ? stream.length : list[n % list.length]!
    chunks.push(stream.slice(at, at + size) as Stream)
    at += size
  }
  return chunks
}

/** What a used buffer is overwritten with: a view that somebody kept would show it, as text, as lines or as no UTF-8. */
export const fillerByte: fc.Arbitrary<number> = fc.constantFrom(0x21, 0x0a, 0xff)

/** One buffer for all chunks, which lie in its middle, as those of readers that use theirs again. */
export function createReusedBuffer(filler: number): { write(chunk: Uint8Array): Uint8Array; overwrite(): void } {
  let buffer = new Uint8Array(4096)
  return {
    write(chunk) {
      if (buffer.length < chunk.length + 16) buffer = new Uint8Array(2 * chunk.length + 16)
      buffer.set(chunk, 5)
      return buffer.subarray(5, 5 + chunk.length)
    },
    overwrite: () => void buffer.fill(filler),
  }
}
