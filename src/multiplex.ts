/** Entry `rivulet/multiplex`: carries all streams of a client over one connection. */
export type { Clock } from './base/clock.ts'
export type { Connect } from './connect/connect.ts'
export type { MultiplexOptions } from './multiplex/channel.ts'
export { multiplex } from './multiplex/multiplex.ts'
