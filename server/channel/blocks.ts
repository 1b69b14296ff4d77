/** Blocks of the wire format, found in the bytes that readers write, so that channels need not encode events again. */

/** One block in bytes that contain whole blocks. */
export interface Block {
  /** Offset after the blank line. */
  readonly end: number
  /** Offset of the ID; -1 without one. */
  readonly idAt: number
  /** Bytes of the data; -1 without data. */
  readonly dataBytes: number
  /** Milliseconds of a `retry` field, which is in a block of its own. */
  readonly retry: number | undefined
}

const LINE_FEED = 0x0a
/** The first characters of the lines `data: …`, `id: …` and `retry: …`; no other line that this server writes begins with them. */
const DATA = 0x64
const ID = 0x69
const RETRY = 0x72

/** Finds the block at `start`. */
export function findBlock(bytes: Uint8Array, start: number): Block {
  let idAt = -1
  let dataBytes = -1
  let retry: number | undefined
  let lineStart = start
  while (bytes[lineStart] !== LINE_FEED) {
    const lineEnd = bytes.indexOf(LINE_FEED, lineStart)
    if (lineEnd < 0) throw new TypeError('A reader wrote a part of a block.')
    const first = bytes[lineStart]
    // A line feed joins the lines of the data.
    if (first === DATA) dataBytes += lineEnd - lineStart - 'data: '.length + 1
    else if (first === ID) idAt = lineStart + 'id: '.length
    else if (first === RETRY)
      retry = Number(new TextDecoder().decode(bytes.subarray(lineStart + 'retry: '.length, lineEnd)))
    lineStart = lineEnd + 1
  }
  return { end: lineStart + 1, idAt, dataBytes, retry }
}

/** Returns whether a block is not an event and has no ID, as comments are. */
export const isComment = ({ idAt, dataBytes }: Block): boolean => idAt < 0 && dataBytes < 0
