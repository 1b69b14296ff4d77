/** The public push parser: adds the last event ID to each event, and lets callbacks throw or call the parser. */
import { type BlockParserOptions, createBlockParser } from '../sse/parse.ts'

/** An event of a stream. */
export interface ParsedEvent {
  /** Event name; `message` if the event has no `event` field. */
  type: string
  /** The `data` lines, joined by LF. */
  data: string
  /** The last event ID after this event; empty if the stream has not set one. */
  id: string
}

/** Options shared by all parsers. */
export interface ReadOptions {
  /** Called with the text of each comment, such as a heartbeat, without the colon and one leading space. */
  onComment?(text: string): void
  /** Called with the milliseconds of each valid `retry` field as sent, without an upper bound. */
  onRetry?(ms: number): void
  /** Maximum size of one event's data, in characters (UTF-16 code units). @defaultValue 16 Mi */
  maxEventSize?: number
}

/** Options for `createParser`. */
export interface ParserOptions extends ReadOptions {
  /** Called for each event. */
  onEvent(event: ParsedEvent): void
}

/** A push parser, created by `createParser`. Chunks may be split anywhere. */
export interface Parser {
  /** The last event ID so far, to be sent as `Last-Event-ID` on a reconnect; empty if the stream has not set one. */
  readonly lastEventId: string
  /**
   * Parses the next chunk. The parser keeps copies only, so the caller may reuse the buffer.
   * Rethrows an error that a callback throws; the next call then reports the rest of the chunk.
   * @throws StreamError `too-large`, after reporting the events before it. The parser is then unusable until `reset()`.
   */
  push(chunk: Uint8Array | string): void
  /** Ends the stream. An event without a blank line after it is discarded. The next `push()` starts a new stream. */
  end(): void
  /** Returns the parser to its initial state: discards unreported events and the last event ID. */
  reset(): void
}

/** State flag: `onEvent` is being called. */
const IN_CALLBACK = 1
/** State flag: callbacks or calls have been deferred. */
const HAS_DEFERRED = 2

/**
 * Creates a push parser. Its callbacks may throw, and may call the parser.
 *
 * @example
 * const parser = createParser({ onEvent: (event) => console.log(event.type, event.data) })
 * parser.push('data: hello\n\n')
 */
export function createParser({ onEvent, onComment, onRetry, maxEventSize }: ParserOptions): Parser {
  let lastEventId = ''
  // `onEvent` runs while the block parser is parsing. A callback must neither interrupt the block parser by throwing
  // nor call it. So an error, and all callbacks after it, wait in `deferredCallbacks`; calls made by callbacks wait in
  // `deferredCalls` until the whole chunk has been reported.
  let state = 0
  let deferredCallbacks: (() => void)[] = []
  let deferredCalls: (() => void)[] = []

  const defer = <T>(callback: (value: T) => void, value: T): void => {
    state |= HAS_DEFERRED
    deferredCallbacks.push(() => callback(value))
  }
  const parser = createBlockParser({
    // No closure captures `block`, because that would cost an allocation per event.
    onBlock(block) {
      if (block.id !== undefined) lastEventId = block.id
      else block.id = lastEventId
      if (block.data === undefined) return
      if (state) return defer(onEvent, block as ParsedEvent)
      state = IN_CALLBACK
      try {
        onEvent(block as ParsedEvent)
      } catch (error) {
        state |= HAS_DEFERRED
        deferredCallbacks.unshift(() => {
          throw error
        })
      }
      state &= HAS_DEFERRED
    },
    // `undefined` if the user passed none, so that the block parser skips these lines.
    onComment: onComment && ((text) => defer(onComment, text)),
    onRetry: onRetry && ((ms) => defer(onRetry, ms)),
    maxEventSize,
  } as BlockParserOptions)
  const pushChunk = (chunk: Uint8Array | string): void => {
    try {
      parser.push(chunk)
    } finally {
      if (state) runDeferred()
    }
  }
  /**
   * Runs the deferred callbacks and calls, in order, unless the block parser is still parsing. If one throws, the next
   * call runs the rest.
   */
  const runDeferred = (): void => {
    state |= HAS_DEFERRED
    if (state & IN_CALLBACK) return
    let next
    while ((next = deferredCallbacks.shift() ?? deferredCalls.shift())) next()
    state = 0
  }

  return {
    get lastEventId() {
      return lastEventId
    },
    push(chunk) {
      if (!state) return pushChunk(chunk)
      const copy = chunk.slice()
      deferredCalls.push(() => pushChunk(copy))
      runDeferred()
    },
    end() {
      deferredCalls.push(parser.end)
      runDeferred()
    },
    reset() {
      lastEventId = ''
      deferredCalls = []
      // Runs as soon as the block parser is idle, and also discards the callbacks that the rest of the chunk has added.
      deferredCallbacks = [
        () => {
          deferredCallbacks = []
          lastEventId = ''
          parser.reset()
        },
      ]
      runDeferred()
    },
  }
}
