/** Entry `rivulet/event-source`: the standard's `EventSource`, with more options. */
export { StreamError, isStreamError } from './base/errors.ts'
export { EventSource, install } from './event-source/event-source.ts'
export type { EventSourceOptions } from './event-source/options.ts'
