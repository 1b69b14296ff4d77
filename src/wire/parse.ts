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

/** What a parser calls while it is being pushed. Callbacks must not throw. */
export interface ParserOptions {
  /** Called for each block that has data or a valid id. */
  onBlock(block: Block): void
  /** Called for each valid `retry` field, with its milliseconds exactly as sent: clamping is the caller's. */
  onRetry?(ms: number): void
  /** Called for each comment, without its colon and one leading space. */
  onComment?(text: string): void
  /** Bytes of UTF-8 that the data of one event, or one line, may have. @defaultValue 16 MiB */
  maxEventSize?: number
}

/** A push parser. */
export interface Parser {
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

/** Creates a parser. */
export function createParser({ onBlock, onRetry, onComment, maxEventSize = 16 * 1024 * 1024 }: ParserOptions): Parser {
  let decoder: TextDecoder
  let rest: string
  let type: string
  let data: string | undefined
  let id: string | undefined
  let afterCr: boolean
  let started: boolean
  let failed = false

  const reset = (): void => {
    decoder = new TextDecoder('utf-8', { ignoreBOM: true })
    rest = type = ''
    data = id = undefined
    afterCr = started = failed = false
  }

  const takeLine = (line: string): void => {
    if (!line) {
      const block = { type: type || 'message', data, id }
      type = ''
      data = id = undefined
      if (block.data !== undefined || block.id !== undefined) onBlock(block)
      return
    }
    const colon = line.indexOf(':')
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + (line.charCodeAt(colon + 1) === 32 ? 2 : 1))
    if (!field) onComment?.(value)
    else if (field === 'data') data = data === undefined ? value : data + '\n' + value
    else if (field === 'event') type = value
    else if (field === 'id' && !value.includes('\0')) id = value
    else if (field === 'retry' && /^\d+$/.test(value)) onRetry?.(+value)
  }

  const check = (more: string): void => {
    if ((data?.length ?? 0) + rest.length + more.length <= maxEventSize) return
    reset()
    failed = true
    throw new StreamError('too-large', `Event larger than ${maxEventSize} bytes`)
  }

  reset()
  return {
    push(chunk) {
      if (failed) throw new StreamError('too-large', 'Parser stopped at an event that was too large: reset() it')
      const text = typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })
      let start = 0
      if (text && !started) {
        started = true
        if (text.charCodeAt(0) === 0xfeff) start = 1
      }
      for (let at = start; at < text.length; at++) {
        const code = text.charCodeAt(at)
        if (code === 10 && afterCr) {
          start = at + 1
          afterCr = false
          continue
        }
        afterCr = code === 13
        if (code !== 10 && code !== 13) continue
        const line = text.slice(start, at)
        check(line)
        takeLine(rest + line)
        rest = ''
        start = at + 1
      }
      const tail = text.slice(start)
      check(tail)
      rest += tail
    },
    end: reset,
    reset,
  }
}
