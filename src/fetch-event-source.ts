/** Entry `rivulet/fetch-event-source`: a drop-in replacement for @microsoft/fetch-event-source, and a `Connect` that uses that package. */
export type { Connect } from './connect/connect.ts'
export { type FetchEventSource, fetchEventSourceConnect } from './fetch-event-source/connect.ts'
export {
  EventStreamContentType,
  type EventSourceMessage,
  type FetchEventSourceInit,
  fetchEventSource,
} from './fetch-event-source/fetch-event-source.ts'
