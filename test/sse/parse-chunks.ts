/** Helpers that chunk a stream, push it to the parser, and collect the result. */
import { createBlockParser } from '../../src/sse/parse.ts'
import type { BlockParserOptions } from '../../src/sse/parse.ts'
import type { ParseResult } from './reference.ts'

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Splits bytes at the given offsets. */
export function cutAt(bytes: Uint8Array, ...offsets: number[]): Uint8Array[] {
  return [0, ...offsets].map((from, i) => bytes.slice(from, offsets[i] ?? bytes.length))
}

/** A parse result, with the error that ended the parsing, if any. */
export interface ParseOutcome extends ParseResult {
  error?: unknown
}

/** Parses chunks. Overwrites each byte chunk once it has been pushed, like a reader that reuses one buffer. */
export function parseChunks(chunks: (Uint8Array | string)[], options: Partial<BlockParserOptions> = {}): ParseOutcome {
  const outcome: ParseOutcome = { blocks: [], retries: [], comments: [] }
  const parser = createBlockParser({
    onBlock: (block) => outcome.blocks.push(block),
    onRetry: (ms) => outcome.retries.push(ms),
    onComment: (text) => outcome.comments.push(text),
    ...options,
  })
  try {
    for (const chunk of chunks) {
      if (typeof chunk === 'string') parser.push(chunk)
      else {
        const reusedChunk = chunk.slice()
        parser.push(reusedChunk)
        reusedChunk.fill(0x21)
      }
    }
  } catch (error) {
    outcome.error = error
  }
  return outcome
}

/** Yields the bytes chunked in every way that could matter: whole, byte by byte, and cut in two at each offset. */
export function* everyCut(bytes: Uint8Array): Generator<[name: string, chunks: Uint8Array[]]> {
  yield ['whole', [bytes]]
  yield ['byte by byte', Array.from(bytes, (byte) => Uint8Array.of(byte))]
  for (let at = 0; at <= bytes.length; at++) yield [`cut at ${at}`, cutAt(bytes, at)]
}
