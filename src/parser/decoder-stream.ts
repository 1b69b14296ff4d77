/** Bytes to events as a transform of the platform's streams. */
import { type ParsedEvent, type ReadOptions, createParser } from './parser.ts'

/** Bytes, or text, in; events out. */
export type EventStreamDecoderStream = TransformStream<Uint8Array | string, ParsedEvent>

/**
 * For `pipeThrough`: takes bytes, or text, and gives events. It takes a chunk only when the events of the last one were
 * read. Too large an event errors it with a `StreamError` `too-large`. An error, whether its own or that of the stream
 * which is piped in, comes at once, as in any `TransformStream`: events that still wait to be read are dropped.
 * `parseEventStream()` gives them out first.
 */
export const EventStreamDecoderStream: {
  new (options?: ReadOptions): EventStreamDecoderStream
  readonly prototype: EventStreamDecoderStream
} = /* @__PURE__ */ (() =>
  // In a function, so that bundlers can leave it out: to extend a global is an effect, and fails where there is none.
  class EventStreamDecoderStream extends TransformStream<Uint8Array | string, ParsedEvent> {
    constructor(options: ReadOptions = {}) {
      let controller: TransformStreamDefaultController<ParsedEvent>
      const parser = createParser({ ...options, onEvent: (event) => controller.enqueue(event) })
      super({
        start: (transformController) => void (controller = transformController),
        transform: (chunk) => parser.push(chunk),
      })
    }
  })()
