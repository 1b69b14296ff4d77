/** Decodes an event stream from UTF-8, however its bytes are chunked. */

// bench/run.mjs measures the effect of each optimization below (see bench/RESULTS.md).

/**
 * Chunks of up to this many bytes are kept until a line ends: for small chunks, the number of decoder calls determines
 * the cost.
 */
const MAX_KEPT_CHUNK = 32
/** How many bytes can be kept. */
const BUFFER_BYTES = 1000
/** Non-ASCII chunks above this many bytes are decoded by the streaming decoder. */
const STREAMING_DECODE_MIN_BYTES = 128

export interface ChunkDecoder {
  /** Decodes a chunk, of which the last bytes may be kept. The caller may reuse its memory. */
  push(chunk: Uint8Array): void
  /** Decodes the bytes that are kept. */
  flush(): void
  /** Discards the bytes that are kept, and an incomplete character. */
  reset(): void
}

/** Creates a decoder that calls `onText` with text, and keeps bytes only as long as `mayKeep` allows so many. */
export function createChunkDecoder(onText: (text: string) => void, mayKeep: (bytes: number) => boolean): ChunkDecoder {
  // Character codes, declared here because minifiers do not inline constants of a module.
  const LF = 10
  const CR = 13

  // Decoding without `stream` is 10 to 20 % faster in Chromium and up to 10 times faster in Node, and is correct whenever a
  // chunk ends at a character boundary. In Node `stream` is faster for non-ASCII text, but permanently slows down a decoder
  // that has used it once: hence two decoders. `ignoreBOM` is needed because a decoder without `stream` would drop a byte
  // order mark from every chunk; the parser drops the one at the start of the stream.
  // Created when bytes arrive: React Native, whose responses have no body, has no `TextDecoder`.
  let plainDecoder: TextDecoder | undefined
  let streamingDecoder: TextDecoder | undefined
  /** Whether `streamingDecoder` may hold the first bytes of a character. */
  let isMidCharacter = false
  /** Whether the last chunk had non-ASCII characters, which predicts that the next one has some, too. */
  let wasNonAscii = false
  // Most streams need no buffer, and each would take memory.
  let buffer: Uint8Array | undefined
  let bufferLength = 0

  const decode = (bytes: Uint8Array): void => {
    const { length } = bytes
    const endsMidCharacter = bytes[length - 1]! > 127
    const text =
      endsMidCharacter || isMidCharacter || (wasNonAscii && length > STREAMING_DECODE_MIN_BYTES)
        ? (streamingDecoder ??= new TextDecoder('utf8', { ignoreBOM: true })).decode(bytes, { stream: true })
        : (plainDecoder ??= new TextDecoder('utf8', { ignoreBOM: true })).decode(bytes)
    isMidCharacter = endsMidCharacter
    wasNonAscii = text.length < length
    onText(text)
  }
  const flush = (end = bufferLength): void => {
    if (!end) return
    decode(buffer!.subarray(0, end))
    buffer!.copyWithin(0, end, bufferLength)
    bufferLength -= end
  }
  const keep = (chunk: Uint8Array): void => {
    const bytes = (buffer ??= new Uint8Array(BUFFER_BYTES))
    let lastLineEnd = 0
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!
      bytes[bufferLength++] = byte
      if (byte === LF || byte === CR) lastLineEnd = bufferLength
    }
    flush(lastLineEnd)
    if (bufferLength > BUFFER_BYTES - MAX_KEPT_CHUNK || !mayKeep(bufferLength + +isMidCharacter)) flush()
  }

  return {
    push(chunk) {
      const { length } = chunk
      if (length <= MAX_KEPT_CHUNK && (bufferLength || chunk[length - 1] !== LF)) return keep(chunk)
      flush()
      decode(chunk)
    },
    flush,
    reset() {
      // A call without `stream` discards an incomplete character.
      streamingDecoder?.decode()
      bufferLength = 0
      isMidCharacter = wasNonAscii = false
    },
  }
}
