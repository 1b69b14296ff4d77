/** Encodes text into the byte chunks to write: sets line endings, holds back output, splits it into small writes. */
import type { Rule } from '../scenario/rule.ts'

/** Splits the text of one connection into writes. */
export interface Chunker {
  /** Adds text and returns the writes that are ready; returns none while output is held back. */
  push(text: string): Uint8Array[]
  /** Returns the writes that were held back. */
  flush(): Uint8Array[]
}

const newlines = { lf: '\n', crlf: '\r\n', cr: '\r' }

function concatBytes(parts: readonly Uint8Array[], size: number): Uint8Array {
  const joined = new Uint8Array(size)
  let offset = 0
  for (const part of parts) {
    joined.set(part, offset)
    offset += part.length
  }
  return joined
}

/** Creates the chunker for one connection. */
export function createChunker(rule: Rule): Chunker {
  const encoder = new TextEncoder()
  const newline = newlines[rule.newline ?? 'lf']
  const size = rule.split ?? Infinity
  const minWriteBytes = rule.buffer ?? 0
  let heldChunks: Uint8Array[] = []
  let heldBytes = 0

  const split = (bytes: Uint8Array): Uint8Array[] => {
    if (bytes.length <= size) return bytes.length > 0 ? [bytes] : []
    const writes: Uint8Array[] = []
    for (let offset = 0; offset < bytes.length; offset += size) writes.push(bytes.subarray(offset, offset + size))
    return writes
  }
  const flush = (): Uint8Array[] => {
    const bytes = heldChunks.length === 1 ? heldChunks[0]! : concatBytes(heldChunks, heldBytes)
    heldChunks = []
    heldBytes = 0
    return split(bytes)
  }

  return {
    push(text) {
      const bytes = encoder.encode(newline === '\n' ? text : text.replaceAll('\n', newline))
      heldChunks.push(bytes)
      heldBytes += bytes.length
      return heldBytes >= minWriteBytes ? flush() : []
    },
    flush,
  }
}
