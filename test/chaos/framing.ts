/** Tracks the regions of HTTP/1.1 responses, so that cuts can fall inside a chosen region. */

/** `chunk-head`: a chunk's size line and line ends; `character`: inside a multi-byte UTF-8 character of the body. */
export type FrameRegion = 'head' | 'chunk-head' | 'character' | 'data'

/** Takes each byte in turn; returns the region that a cut before the byte would hit. */
export type FrameTracker = (byte: number) => FrameRegion

const CR = 13
const LF = 10

/** Creates a tracker for the consecutive responses of one connection. */
export function createFrameTracker(): FrameTracker {
  let part: 'head' | 'size' | 'body' | 'trailer' = 'head'
  let line = ''
  let fields = ''
  let remaining = 0 // bytes left of the body, or of the chunk and the line end after it
  let chunked = false

  const beginBody = (): void => {
    chunked = /^transfer-encoding:.*chunked/im.test(fields)
    const length = /^content-length: *(\d+)/im.exec(fields)?.[1]
    const empty = /^HTTP\/1\.1 (1\d\d|204|304)/.test(fields)
    fields = ''
    if (chunked) part = 'size'
    else if (empty || length === '0') part = 'head'
    else {
      part = 'body'
      remaining = length === undefined ? Infinity : Number(length)
    }
  }
  const endLine = (): void => {
    const text = line
    line = ''
    if (part === 'head') {
      fields += `${text}\n`
      if (text === '') beginBody()
    } else if (part === 'trailer') {
      if (text === '') part = 'head'
    } else {
      const size = parseInt(text, 16)
      part = size > 0 ? 'body' : 'trailer'
      remaining = size + 2
    }
  }

  return (byte) => {
    if (part === 'body') {
      const region = chunked && remaining < 2 ? 'chunk-head' : (byte & 0xc0) === 0x80 ? 'character' : 'data'
      if (--remaining === 0) part = chunked ? 'size' : 'head'
      return region
    }
    const region = part === 'head' ? 'head' : line === '' ? 'data' : 'chunk-head'
    if (byte === LF) endLine()
    else if (byte !== CR) line += String.fromCharCode(byte)
    return region
  }
}
