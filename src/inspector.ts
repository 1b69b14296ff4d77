/** Entry `rivulet/inspector`: shows what streams do, in a panel of the page and in the console. */
export { type InspectOptions, inspect } from './inspector/inspect.ts'
export type { Inspector } from './inspector/inspector.ts'
export type { Payload, RowStatus, StreamRow, TimelineEntry } from './inspector/stream-row.ts'
