/** Splits streams into chunks as readers deliver them: cut anywhere, in a buffer that is valid only for one call. */
import * as fc from 'fast-check'

const THRESHOLD_LENGTHS = [32, 128, 992, 1024].flatMap((edge) => [edge - 1, edge, edge + 1])

/** Chunk sizes, including zero, used in turn; the last kind delivers the whole stream at once. */
export const chunkSizes: fc.Arbitrary<number[]> = fc.oneof(
  fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 8 }),
  fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 8 }),
  fc.array(fc.oneof(fc.constantFrom(...THRESHOLD_LENGTHS), fc.nat(40)), { minLength: 1, maxLength: 6 }),
  fc.constant<number[]>([1]),
  fc.constant<number[]>([1_000_000]),
)

/** Splits a stream into chunks of these sizes; if all sizes are 0, into an empty chunk and the whole stream. */
export function splitIntoChunks<Stream extends Uint8Array | string>(stream: Stream, sizes: number[]): Stream[] {
  const chunks: Stream[] = []
  const allEmpty = sizes.every((size) => !size)
  for (let at = 0, n = 0; at < stream.length; n++) {
    const size = allEmpty && n ? stream.length : sizes[n % sizes.length]!
    chunks.push(stream.slice(at, at + size) as Stream)
    at += size
  }
  return chunks
}

/** The byte that overwrites a used buffer, so that a view kept by mistake shows up as text, as line ends or as invalid UTF-8. */
export const fillerByte: fc.Arbitrary<number> = fc.constantFrom(0x21, 0x0a, 0xff)

/** Creates a buffer that is reused for all chunks, each written at an offset. */
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
