/** Entry `rivulet/parser`: the SDK's parser as a push parser, a transform stream and an async iterable, and an encoder. */
export { StreamError, type StreamErrorCode, isStreamError } from './base/errors.ts'
export { EventStreamDecoderStream } from './parser/decoder-stream.ts'
export { type EventStreamSource, parseEventStream } from './parser/parse-event-stream.ts'
export { type ParsedEvent, type Parser, type ParserOptions, type ReadOptions, createParser } from './parser/parser.ts'
export { type EventFields, encodeEvent } from './sse/encode.ts'
