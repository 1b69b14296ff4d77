/** `rivulet/server`: feeds and runs in any host of fetch handlers. */
export type { Clock } from './base/clock.ts'
export type { CloseReason, Instrument, ReaderRecord, ServerRecord } from './base/instrument.ts'
export type { ChannelRoute, Channels, ChannelsOptions } from './channel/options.ts'
export type { Feed, FeedOptions, Snapshot } from './feed/feed.ts'
export type { SendErrorCode } from './feed/send-error.ts'
export { SendError } from './feed/send-error.ts'
export type { Limits } from './http/endpoint.ts'
export type { Identity } from './http/identity.ts'
export { HttpError } from './http/problem.ts'
export type {
  AppendOptions,
  Appended,
  Claim,
  ClaimOptions,
  EventLog,
  Lease,
  LogEvent,
  LogState,
  Page,
  Refusal,
  Retention,
  RunRecord,
  Wake,
} from './log/event-log.ts'
export type { MemoryLogOptions } from './log/memory-log.ts'
export { memoryLog } from './log/memory-log.ts'
export type { Delta, End, FinishReason, Usage } from './run/delta.ts'
export { RunError } from './run/delta.ts'
export { deltasOf } from './run/deltas-of.ts'
export type { GenerateContext, RunAccess, Runs, RunsOptions } from './run/options.ts'
export type { EndedRun, RunOutcome } from './run/producer.ts'
export type { Server, ServerOptions } from './service/create-server.ts'
export { createServer } from './service/create-server.ts'
