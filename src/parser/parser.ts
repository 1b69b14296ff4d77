/** A push parser for users: whole events, with the last event ID as of each. */
import { type BlockParserOptions, createBlockParser } from '../sse/parse.ts'

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
  /** Characters (UTF-16 code units, as of `length`) that the data of one event may have. @defaultValue 16 Mi */
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

/** A callback is being called. */
const IN_CALLBACK = 1
/** Something waits for its turn. */
const HAS_DEFERRED = 2

/** Creates a parser. Callbacks may throw, and may call the parser. */
export function createParser({ onEvent, onComment, onRetry, maxEventSize }: ParserOptions): Parser {
  let lastEventId = ''
  // Events are told while the parser beneath reads, which a callback must neither stop by a throw nor call: an error, and
  // what comes after it, wait in `held`; what callbacks ask for waits in `calls` until all of the chunk was told.
  let state = 0
  let deferredCallbacks: (() => void)[] = []
  let deferredCalls: (() => void)[] = []

  const defer = <T>(callback: (value: T) => void, value: T): void => {
    state |= HAS_DEFERRED
    deferredCallbacks.push(() => callback(value))
  }
  const parser = createBlockParser({
    // Its event is in no closure here: it would be allocated anew for each.
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
    // Absent where nobody listens, so that the parser passes them over.
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
  /** Does what waits, in order, unless the parser beneath may be reading. What throws leaves the rest to the next call. */
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
      // What the rest of the chunk adds behind it is of no more use.
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
