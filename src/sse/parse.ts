/** Bytes of an event stream to its blocks, as the WHATWG HTML standard reads them, for any cut of the bytes. */
import { StreamError } from '../base/errors.ts'

/** One block between blank lines. Every block has all three keys, so that engines give all of them one shape. */
export interface Block {
  /** The event's name; `message` where the block has none. */
  type: string
  /** The lines of `data`, joined by newlines; `undefined`: an id-only block. */
  data: string | undefined
  /** The block's own id; an empty one clears the last event ID; `undefined`: none in the block. */
  id: string | undefined
}

/** What a parser calls while it is being pushed. A callback must not throw, and must not call the parser. */
export interface BlockParserOptions {
  /** Called for each block that has data or a valid id. */
  onBlock(block: Block): void
  /** Called for each valid `retry` field, with its milliseconds exactly as sent: clamping is the caller's. */
  onRetry?(ms: number): void
  /** Called for each comment, without its colon and one leading space. */
  onComment?(text: string): void
  /** Characters (UTF-16 code units, as of `length`) that an event's data, with the line under way, may have. @defaultValue 16 Mi */
  maxEventSize?: number
  /** The type of an event that has none. @defaultValue `message` */
  defaultType?: string
}

/** Characters that an event may have unless a limit is given: 16 Mi. */
export const DEFAULT_MAX_EVENT_CHARS = 0x1000000

/** A push parser. */
export interface BlockParser {
  /**
   * Takes the next piece of the stream. What is kept of it is copied, so a buffer may be used again.
   * @throws StreamError `too-large`, after the whole blocks before it were reported; then unusable until `reset()`.
   */
  push(chunk: Uint8Array | string): void
  /** The stream has ended: what has no blank line after it is dropped, as the standard says. */
  end(): void
  /** Makes the parser as new. */
  reset(): void
}

// The tricks below, and what each brought, are measured by bench/run.mjs (bench/RESULTS.md).

/** Chunks up to this many bytes are gathered until a line ends: decoding costs more by the call than by the byte. */
const MAX_COALESCED_CHUNK = 32
/** What is gathered at most. */
const COALESCE_BUFFER_BYTES = 1000
/** From this size on, text beyond ASCII is decoded by the streaming decoder. */
const STREAMING_DECODE_MIN_BYTES = 128
/** Characters that are read in any case before the lines of an event are joined for good. */
const FLATTEN_AFTER_CHARS = 0x4000

/** Creates a parser. */
export function createBlockParser({
  onBlock,
  onRetry,
  onComment,
  maxEventSize = DEFAULT_MAX_EVENT_CHARS,
  defaultType = 'message',
}: BlockParserOptions): BlockParser {
  // Decoding without `stream` is 10 to 20 % cheaper in Chromium and up to 10 times in Node. It is right wherever a chunk
  // ends a character. Node's streaming decoder is the faster one beyond ASCII, but keeps a decoder slow ever after: so two.
  // The byte order mark is ours to drop: one that does not stream would drop a mark from every chunk.
  const plainDecoder = new TextDecoder('utf8', { ignoreBOM: true })
  const streamingDecoder = new TextDecoder('utf8', { ignoreBOM: true })
  /** `streaming` may hold the first bytes of a character. */
  let isMidCharacter: boolean
  /** The last text was not ASCII alone: the next one probably is not either. */
  let wasNonAscii: boolean

  const coalesced = new Uint8Array(COALESCE_BUFFER_BYTES)
  let coalescedLength: number
  /**
   * The line under way, in parts, so that only the new one is searched. Joined, not added: engines have as many kinds of
   * strings as ways to make them, and a loop that has seen more than four kinds looks up each method anew for ever after.
   */
  let partialLine: string[]
  let type: string
  let data: string | undefined
  /** Characters read since `data` was one piece: each may cost eight bytes, for the joints of lines, and texts they were cut from. */
  let unflattenedChars: number
  let id: string | undefined
  /** Characters since the last CR began, up to 2: an LF right behind it belongs to it. 3: there was no text yet. */
  let charsSinceCr: number

  /** Characters since the last blank line, or more: as long as they are within the limit, no line needs a look. Infinity: too many. */
  let size: number

  const reset = (): void => {
    // Without `stream` it lets go of half a character.
    streamingDecoder.decode()
    partialLine = []
    type = ''
    data = id = undefined
    coalescedLength = size = unflattenedChars = 0
    charsSinceCr = 3
    isMidCharacter = wasNonAscii = false
  }

  /** Throws where a line of `length`, joined to the data `soFar`, is too much; else gives what both have. */
  const assertSize = (dataSoFar: string | undefined, length: number): number => {
    if (dataSoFar) length += dataSoFar.length
    if (length <= maxEventSize) return length
    // Lets go of what was kept.
    reset()
    size = Infinity
    throw new StreamError('too-large', `Event longer than ${maxEventSize}`)
  }

  /**
   * Reads the whole lines of `text` from `pos` on, and returns where the line without end begins. All in one loop over
   * local variables: a variable of the closure costs a write barrier per line. Of each line one `indexOf` finds the end.
   * Characters are read within the text only, as reads beyond its end are slow, and then all of them are.
   */
  const readLines = (text: string, pos: number): number => {
    const { length } = text
    let eventType = type
    let eventData = data
    let eventId = id
    // The next of each from `pos` on, `length` where there is none; behind `pos`: not searched yet.
    let lf = -1
    let cr = pos - charsSinceCr
    while (pos < length) {
      const first = text.charCodeAt(pos)
      let end = pos
      if (first === 10 || first === 13) {
        // Not the LF of a CRLF.
        if (first === 13 || cr !== pos - 1) {
          // [spec] A blank line dispatches: https://html.spec.whatwg.org/multipage/server-sent-events.html#dispatchMessage
          if ((eventData ?? eventId) !== undefined) {
            onBlock({ type: eventType || defaultType, data: eventData, id: eventId })
            eventData = eventId = undefined
          }
          eventType = ''
          size = length
          if (first === 13) cr = pos
        }
      } else {
        if (lf < pos && (lf = text.indexOf('\n', pos)) < 0) lf = length
        if (cr < pos && (cr = text.indexOf('\r', pos)) < 0) cr = length
        end = lf < cr ? lf : cr
        if (end === length) break
        if (size > maxEventSize) assertSize(eventData, end - pos)
        // Character by character: `startsWith` and slices to compare cost several times as much.
        const colon =
          first === 58
            ? pos // comment
            : first === 100 &&
                text.charCodeAt(pos + 1) === 97 &&
                text.charCodeAt(pos + 2) === 116 &&
                text.charCodeAt(pos + 3) === 97
              ? pos + 4 // data
              : first === 101 &&
                  text.charCodeAt(pos + 1) === 118 &&
                  text.charCodeAt(pos + 2) === 101 &&
                  text.charCodeAt(pos + 3) === 110 &&
                  text.charCodeAt(pos + 4) === 116
                ? pos + 5 // event
                : first === 105 && text.charCodeAt(pos + 1) === 100
                  ? pos + 2 // id
                  : pos // unknown: there is no colon
        // [spec] A line without colon is a field with an empty value.
        if (colon === end || text.charCodeAt(colon) === 58) {
          // Without a colon this begins behind its end, which slices to nothing (and is rare enough to read beyond the text).
          const value = text.slice(text.charCodeAt(colon + 1) === 32 ? colon + 2 : colon + 1, end)
          if (first === 100) eventData = eventData === undefined ? value : eventData + '\n' + value
          else if (first === 101) eventType = value
          else if (first === 58) onComment?.(value)
          // [spec] An id with NUL is ignored.
          else if (value.indexOf('\0') < 0) eventId = value
        } else if (first === 114 && onRetry) {
          const retry = /^retry: ?(\d+)$/.exec(text.slice(pos, end))
          if (retry) onRetry(+retry[1]!)
        }
      }
      pos = end + 1
    }
    charsSinceCr = cr === length - 1 ? 1 : 2
    type = eventType
    data = eventData
    id = eventId
    return pos
  }

  const readText = (text: string): void => {
    let pos = 0
    if (!text) return
    size += text.length
    // [spec] One byte order mark is dropped, at the start of the stream alone.
    if (charsSinceCr > 2 && text.charCodeAt(0) === 0xfeff) pos = 1
    if (partialLine[0]) {
      // Read with its end alone, so that the text need not be copied together with it.
      pos = text.indexOf('\n') + 1 || text.indexOf('\r') + 1
      if (pos) {
        partialLine.push(text.slice(0, pos))
        readLines(partialLine.join(''), 0)
        partialLine = []
        // Where it ended in CR, CR LF, that line was blank, and `size` knows nothing of what is left.
        size += text.length
      }
    }
    if (!partialLine[0]) pos = readLines(text, pos)
    if (pos < text.length) partialLine.push(text.slice(pos))
    if (data !== undefined && (unflattenedChars += text.length) > FLATTEN_AFTER_CHARS + data.length / 4) {
      // Engines join a string for good to search it (where: 0). Only now and then, so that it takes time in proportion.
      unflattenedChars = data.search(/^/)
    }
    if (size > maxEventSize) size = assertSize(data, partialLine.join('').length)
  }

  const decode = (bytes: Uint8Array): void => {
    const { length } = bytes
    const endsMidCharacter = bytes[length - 1]! > 127
    const text =
      endsMidCharacter || isMidCharacter || (wasNonAscii && length > STREAMING_DECODE_MIN_BYTES)
        ? streamingDecoder.decode(bytes, { stream: true })
        : plainDecoder.decode(bytes)
    isMidCharacter = endsMidCharacter
    wasNonAscii = text.length < length
    readText(text)
  }

  const flush = (end: number): void => {
    if (!end) return
    decode(coalesced.subarray(0, end))
    coalesced.copyWithin(0, end, coalescedLength)
    coalescedLength -= end
  }

  reset()
  return {
    push(chunk) {
      if (size === Infinity) assertSize('', size)
      const { length } = chunk
      if (typeof chunk !== 'string' && length <= MAX_COALESCED_CHUNK && (coalescedLength || chunk[length - 1] !== 10)) {
        let lastLineEnd = 0
        for (let i = 0; i < length; i++) {
          const byte = chunk[i]!
          coalesced[coalescedLength++] = byte
          if (byte === 10 || byte === 13) lastLineEnd = coalescedLength
        }
        flush(lastLineEnd)
        if (
          coalescedLength > COALESCE_BUFFER_BYTES - MAX_COALESCED_CHUNK ||
          size + coalescedLength + +isMidCharacter > maxEventSize
        )
          flush(coalescedLength)
      } else {
        flush(coalescedLength)
        if (typeof chunk !== 'string') decode(chunk)
        else readText(chunk)
      }
    },
    end: reset,
    reset,
  }
}
