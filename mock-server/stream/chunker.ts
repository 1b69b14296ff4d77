/** From text to the byte chunks that are written one by one: line ends, held-back bytes, small writes. */
import type { Rule } from '../scenario/rule.ts'

/** Turns the text of a connection into writes. */
export interface Packer {
  /** The writes that are ready; none while they are held back. */
  pack(text: string): Uint8Array[]
  /** What was held back. */
  flush(): Uint8Array[]
}

const newlines = { lf: '\n', crlf: '\r\n', cr: '\r' }

function join(parts: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size)
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}

/** Makes a packer for one connection. */
export function createPacker(rule: Rule): Packer {
  const encoder = new TextEncoder()
  const newline = newlines[rule.newline ?? 'lf']
  const size = rule.split ?? Infinity
  const hold = rule.buffer ?? 0
  let held: Uint8Array[] = []
  let heldSize = 0

  const split = (bytes: Uint8Array): Uint8Array[] => {
    if (bytes.length <= size) return bytes.length > 0 ? [bytes] : []
    const writes: Uint8Array[] = []
    for (let offset = 0; offset < bytes.length; offset += size) writes.push(bytes.subarray(offset, offset + size))
    return writes
  }
  const flush = (): Uint8Array[] => {
    const bytes = held.length === 1 ? held[0]! : join(held, heldSize)
    held = []
    heldSize = 0
    return split(bytes)
  }

  return {
    pack(text) {
      const bytes = encoder.encode(newline === '\n' ? text : text.replaceAll('\n', newline))
      held.push(bytes)
      heldSize += bytes.length
      return heldSize >= hold ? flush() : []
    },
    flush,
  }
}
