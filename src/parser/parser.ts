/** A push parser for users: whole events, with the last event ID as of each. */
import { type ParserOptions as BlockParserOptions, createParser as createBlockParser } from '../wire/parse.ts'

/** An event of a stream. */
export interface ParsedEvent {
  /** Its name; `message` where it has none. */
  type: string
  /** Its lines of `data`, joined by newlines. */
  data: string
  /** The last event ID as of this event; empty: none. */
  id: string
}

/** What a stream is read with. */
export interface ReadOptions {
  /** Called for each comment, such as a heartbeat, without its colon and one leading space. */
  onComment?(text: string): void
  /** Called for each valid `retry`, with its milliseconds as sent: bound them before you wait. */
  onRetry?(ms: number): void
  /** Bytes (UTF-8) that the data of one event may have. @defaultValue 16 MiB */
  maxEventSize?: number
}

/** What a parser calls, and its limit. */
export interface ParserOptions extends ReadOptions {
  /** Called for each event. */
  onEvent(event: ParsedEvent): void
}

/** A push parser: takes a stream in pieces, cut anywhere. `createParser` makes it. */
export interface Parser {
  /** The last event ID so far: what a reconnect sends as `Last-Event-ID`; empty: none. */
  readonly lastEventId: string
  /**
   * Takes the next piece of the stream. What is kept of it is copied, so a buffer may be used again.
   * What a callback throws is thrown; what came after it is told by the next call.
   * @throws StreamError `too-large`, after the events before it were told; then unusable until `reset()`
   */
  push(chunk: Uint8Array | string): void
  /** The stream has ended: an event without a blank line after it is dropped. The next push begins another stream. */
  end(): void
  /** Makes the parser as new: without what it has not told yet, and without a last event ID. */
  reset(): void
}

/** Creates a parser. Callbacks may throw, and may call the parser. */
export function createParser({ onEvent, onComment, onRetry, maxEventSize }: ParserOptions): Parser {
  let lastEventId = ''
  // The parser beneath must not be called, or left by a throw, while it reads: what it finds waits here, as pairs of a
  // callback and what it is to be called with.
  let found: unknown[] = []
  let told = 0

  const parser = createBlockParser({
    onBlock(block) {
      lastEventId = block.id ??= lastEventId
      if (block.data !== undefined) found.push(onEvent, block)
    },
    // Absent where nobody listens, so that the parser passes them over.
    onComment: onComment && ((text) => found.push(onComment, text)),
    onRetry: onRetry && ((ms) => found.push(onRetry, ms)),
    maxEventSize,
  } as BlockParserOptions)
  const push = (chunk: Uint8Array | string): void => {
    try {
      parser.push(chunk)
    } finally {
      while (told < found.length) (found[told++] as (value: unknown) => void)(found[told++])
      found = []
      told = 0
    }
  }

  return {
    get lastEventId() {
      return lastEventId
    },
    push,
    end() {
      parser.end()
      push('') // for what a callback's throw may have left
    },
    reset() {
      parser.reset()
      lastEventId = ''
      found = []
      told = 0
    },
  }
}
