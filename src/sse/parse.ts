/** Parses an event stream into blocks as the WHATWG HTML standard requires, however its bytes are chunked. */
import { StreamError } from '../base/errors.ts'
import { createChunkDecoder } from './chunk-decoder.ts'
import { createPartialLine } from './partial-line.ts'

/** One block of an event stream, ended by a blank line. Always has all three keys, so that engines use one object shape. */
export interface Block {
  /** Event name; `message` if the block has no `event` field. */
  type: string
  /** The `data` lines, joined by LF; `undefined` for a block that has only an id. */
  data: string | undefined
  /** The block's own id; an empty string clears the last event ID; `undefined` if the block has no `id` field. */
  id: string | undefined
}

/** Callbacks and limits of a block parser. A callback must neither throw nor call the parser. */
export interface BlockParserOptions {
  /** Called for each block that has data or a valid id. */
  onBlock(block: Block): void
  /** Called with the milliseconds of each valid `retry` field exactly as sent; clamping is up to the caller. */
  onRetry?(ms: number): void
  /** Called with the text of each comment, without the colon and one leading space. */
  onComment?(text: string): void
  /** Called with each line that is neither a comment nor a field that is used. */
  onUnknown?(line: string): void
  /** Maximum size of one event's data, or of another value that is used, in characters (UTF-16 code units). @defaultValue 16 Mi */
  maxEventSize?: number
  /** Type of blocks without an `event` field. @defaultValue `'message'` */
  defaultType?: string
  /** Names the stream in messages. */
  label?: string
}

/** Default for `maxEventSize`, in characters: 16 Mi. */
export const DEFAULT_MAX_EVENT_CHARS = 0x1000000

/** A push parser for event streams. */
export interface BlockParser {
  /**
   * Parses the next chunk. The parser keeps copies only, so the caller may reuse the buffer.
   * @throws StreamError `too-large`, after reporting the complete blocks before it. The parser is then unusable until `reset()`.
   */
  push(chunk: Uint8Array | string): void
  /** Ends the stream. [spec] A block without a blank line after it is discarded. */
  end(): void
  /**
   * Ends the stream, for servers that omit the blank line after their last block: reports that block as if it were
   * complete, with whatever has arrived of it. Returns whether anything but comments was left.
   */
  finish(): boolean
  /** Returns the parser to its initial state. */
  reset(): void
}

// bench/run.mjs measures the effect of each optimization below (see bench/RESULTS.md).

/** Characters to read before the `data` of an unfinished event is flattened into one string. */
const FLATTEN_AFTER_CHARS = 0x4000

/** Creates a block parser. */
export function createBlockParser({
  onBlock,
  onRetry,
  onComment,
  onUnknown,
  maxEventSize = DEFAULT_MAX_EVENT_CHARS,
  defaultType = 'message',
  label,
}: BlockParserOptions): BlockParser {
  // Character codes, declared here because minifiers do not inline constants of a module.
  const LF = 10
  const CR = 13

  const optionalNames = [...(onRetry ? ['retry'] : []), ...(onComment ? [''] : [])]
  const partialLine = createPartialLine(['data', 'event', 'id', ...optionalNames])
  let type: string
  let data: string | undefined
  /**
   * Characters read since `data` was last flattened. Each may occupy up to 8 bytes, for rope nodes and the texts that
   * lines were sliced from.
   */
  let unflattenedChars: number
  let id: string | undefined
  /**
   * 1 if the last character was a CR, so that an LF right after it ends the same line; 2 if not; 3 if no text has been
   * read yet.
   */
  let charsSinceCr: number

  /**
   * Upper bound for the characters of all values since the last blank line: while it is within the limit, no value needs
   * to be measured. Infinity once the limit has been exceeded.
   */
  let size: number

  const reset = (): void => {
    decoder.reset()
    partialLine.clear()
    type = ''
    data = id = undefined
    size = unflattenedChars = 0
    charsSinceCr = 3
  }

  /** Throws if a value of this length exceeds the limit, together with the `earlierData` that it is appended to. */
  const assertSize = (length: number, earlierData?: string): void => {
    if (earlierData !== undefined) length += earlierData.length + 1
    if (length <= maxEventSize) return
    // Frees the buffered text.
    reset()
    size = Infinity
    throw new StreamError(
      'too-large',
      `Event exceeds ${maxEventSize} characters (maxEventSize)${label ? `: ${label}` : ''}`,
    )
  }

  /** Measures the unfinished event and line, and returns a new value of `size`. */
  const measure = (): number => {
    const { name, length = 0 } = partialLine.measure() ?? {}
    assertSize(length, name === 'data' ? data : undefined)
    // A further line of data is appended with an LF.
    return length + (data === undefined ? 0 : data.length + 1)
  }

  /**
   * Parses the complete lines of `text` from `pos` on and returns the start of the unfinished line after them. One loop
   * over local variables, because writing a captured variable costs a write barrier per line. Each line end is found by
   * `indexOf`. Reads past the end of the text are avoided: a single one slows down all `charCodeAt` calls at its call
   * site.
   */
  const readLines = (text: string, pos: number): number => {
    const SPACE = 32
    const COLON = 58
    const A = 97
    const D = 100
    const E = 101
    const I = 105
    const N = 110
    const R = 114
    const T = 116
    const V = 118
    const { length } = text
    let eventType = type
    let eventData = data
    let eventId = id
    // The next LF and CR at or after `pos`, or `length` if there is none. A value below `pos` is outdated.
    let lf = -1
    let cr = pos - charsSinceCr
    while (pos < length) {
      const first = text.charCodeAt(pos)
      let end = pos
      if (first === LF || first === CR) {
        // The LF of a CRLF is not a blank line.
        if (first === CR || cr !== pos - 1) {
          // [spec] A blank line dispatches the event: https://html.spec.whatwg.org/multipage/server-sent-events.html#dispatchMessage
          if ((eventData ?? eventId) !== undefined) {
            onBlock({ type: eventType || defaultType, data: eventData, id: eventId })
            eventData = eventId = undefined
          }
          eventType = ''
          size = length
          if (first === CR) cr = pos
        }
      } else {
        if (lf < pos && (lf = text.indexOf('\n', pos)) < 0) lf = length
        if (cr < pos && (cr = text.indexOf('\r', pos)) < 0) cr = length
        end = lf < cr ? lf : cr
        if (end === length) break
        // After the name of a known field, where its colon must be; otherwise `pos`, where only a comment has a colon.
        // Comparing character by character is several times faster than `startsWith`, or slicing and comparing.
        let colon = pos
        if (
          first === D &&
          text.charCodeAt(pos + 1) === A &&
          text.charCodeAt(pos + 2) === T &&
          text.charCodeAt(pos + 3) === A
        )
          colon += 4
        else if (
          first === E &&
          text.charCodeAt(pos + 1) === V &&
          text.charCodeAt(pos + 2) === E &&
          text.charCodeAt(pos + 3) === N &&
          text.charCodeAt(pos + 4) === T
        )
          colon += 5
        else if (first === I && text.charCodeAt(pos + 1) === D) colon += 2
        // Rare, so `startsWith` does not cost much.
        else if (first === R && onRetry && text.startsWith('retry', pos)) colon += 5
        // [spec] A line without a colon is a field with an empty value.
        if (colon === end || text.charCodeAt(colon) === COLON) {
          // Without a colon, the slice starts after its own end, so it is empty. (Only here may a read go past the end
          // of `text`, which is rare enough.)
          const value = text.slice(text.charCodeAt(colon + 1) === SPACE ? colon + 2 : colon + 1, end)
          if (size > maxEventSize && (first !== COLON || onComment))
            assertSize(value.length, first === D ? eventData : undefined)
          if (first === D) eventData = eventData === undefined ? value : eventData + '\n' + value
          else if (first === E) eventType = value
          else if (first === COLON) onComment?.(value)
          else if (first === R) {
            if (/^\d+$/.test(value)) onRetry!(+value)
          }
          // [spec] An id that contains NUL is ignored.
          else if (value.indexOf('\0') < 0) eventId = value
        } else onUnknown?.(text.slice(pos, end))
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
    const BYTE_ORDER_MARK = 0xfeff
    let pos = 0
    if (!text) return
    size += text.length
    // [spec] One byte order mark is dropped, only at the start of the stream.
    if (charsSinceCr > 2 && text.charCodeAt(0) === BYTE_ORDER_MARK) pos = 1
    if (!partialLine.isEmpty()) {
      // Completes the unfinished line separately, so that the rest of `text` is not copied together with it.
      pos = text.indexOf('\n') + 1 || text.indexOf('\r') + 1
      if (pos) {
        readLines(partialLine.complete(text.slice(0, pos)), 0)
        // The text up to the LF may contain a blank line (CR CR LF), which resets `size`; the rest of `text` must still
        // be counted.
        size += text.length
      }
    }
    if (partialLine.isEmpty()) pos = readLines(text, pos)
    if (pos < text.length) partialLine.add(text.slice(pos))
    if (data !== undefined && (unflattenedChars += text.length) > FLATTEN_AFTER_CHARS + data.length / 4) {
      // Engines flatten a rope in order to search it (the result is always 0). This happens rarely enough to keep the
      // total time linear.
      unflattenedChars = data.search(/^/)
    }
    if (size > maxEventSize) size = measure()
  }

  const decoder = createChunkDecoder(readText, (bytes) => size + bytes <= maxEventSize)

  reset()
  return {
    push(chunk) {
      if (size === Infinity) assertSize(size)
      if (typeof chunk !== 'string') return decoder.push(chunk)
      decoder.flush()
      readText(chunk)
    },
    end: reset,
    finish() {
      decoder.flush()
      const line = partialLine.complete('')
      const hasRest = !!(line && line[0] !== ':') || !!type || (data ?? id) !== undefined
      if (hasRest) readLines(`${line}\n\n`, 0)
      return hasRest
    },
    reset,
  }
}
