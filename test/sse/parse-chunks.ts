/** Ways to give a stream to the parser, and what it made of it. */
import { createParser } from '../../src/sse/parse.ts'
import type { ParserOptions } from '../../src/sse/parse.ts'
import type { Reading } from './reference.ts'

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

/** The bytes cut at these places. */
export function cutAt(bytes: Uint8Array, ...places: number[]): Uint8Array[] {
  return [0, ...places].map((from, i) => bytes.slice(from, places[i] ?? bytes.length))
}

/** What came before a failure is kept, as it is for a caller. */
export interface Outcome extends Reading {
  error?: unknown
}

/** Pushes the chunks through one buffer, as readers do that use theirs again, and overwrites it behind each. */
export function readChunks(chunks: (Uint8Array | string)[], options: Partial<ParserOptions> = {}): Outcome {
  const outcome: Outcome = { blocks: [], retries: [], comments: [] }
  const parser = createParser({
    onBlock: (block) => outcome.blocks.push(block),
    onRetry: (ms) => outcome.retries.push(ms),
    onComment: (text) => outcome.comments.push(text),
    ...options,
  })
  try {
    for (const chunk of chunks) {
      if (typeof chunk === 'string') parser.push(chunk)
      else {
        const lent = chunk.slice()
        parser.push(lent)
        lent.fill(0x21)
      }
    }
  } catch (error) {
    outcome.error = error
  }
  return outcome
}

/** The same bytes in every way that could matter: whole, byte by byte, cut once at every place. */
export function* everyCut(bytes: Uint8Array): Generator<[name: string, chunks: Uint8Array[]]> {
  yield ['whole', [bytes]]
  yield ['byte by byte', Array.from(bytes, (byte) => Uint8Array.of(byte))]
  for (let at = 0; at <= bytes.length; at++) yield [`cut at ${at}`, cutAt(bytes, at)]
}
