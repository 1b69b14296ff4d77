/** A `TransformStream` that parses an event stream. */
import { type ParsedEvent, type ReadOptions, createParser } from './parser.ts'

/** A transform stream from bytes or text to events. */
export type EventStreamDecoderStream = TransformStream<Uint8Array | string, ParsedEvent>

/**
 * Parses an event stream within `pipeThrough()`: takes bytes or text, emits events. Accepts a chunk only after the events
 * of the previous chunk have been read. An event above `maxEventSize` errors the stream with a `StreamError`
 * `too-large`. As in any `TransformStream`, an error (including one of the piped stream) takes effect at once and
 * discards the events that have not been read yet; `parseEventStream()` delivers them first.
 *
 * @example for await (const event of response.body.pipeThrough(new EventStreamDecoderStream())) console.log(event.data)
 */
export const EventStreamDecoderStream: {
  new (options?: ReadOptions): EventStreamDecoderStream
  readonly prototype: EventStreamDecoderStream
} = /* @__PURE__ */ (() => {
  // The class is created in a function, so that bundlers can drop it if it is not used: extending a global has side
  // effects. Where the global is missing (jsdom, React Native), only the constructor throws, not the import.
  const Base = globalThis.TransformStream ?? (MissingTransformStream as unknown as typeof TransformStream)
  return class EventStreamDecoderStream extends Base<Uint8Array | string, ParsedEvent> {
    constructor(options: ReadOptions = {}) {
      let controller: TransformStreamDefaultController<ParsedEvent>
      const parser = createParser({ ...options, onEvent: (event) => controller.enqueue(event) })
      super({
        start: (transformController) => void (controller = transformController),
        transform: (chunk) => parser.push(chunk),
      })
    }
  }
})()

function MissingTransformStream(): never {
  throw new TypeError('This platform has no TransformStream')
}
