/** Entry `rivulet`: the client, its credentials, protocols and errors. */
export { apiKey, bearer } from './request/auth.ts'
export type { Clock } from './base/clock.ts'
export {
  type Cursor,
  type Problem,
  StreamError,
  type StreamErrorCode,
  type StreamErrorDetails,
  isStreamError,
} from './base/errors.ts'
export { type Client, createClient } from './client/client.ts'
export { subscribe } from './client/open-feed.ts'
export { resume, stream } from './client/open-run.ts'
export type { RestoreOptions, RestoreRun, ResumeRun, SharedOptions, StreamRun, Subscribe } from './client/signatures.ts'
export type { Batch, Connect, ConnectRequest, Connection } from './connect/connect.ts'
export { fetchConnect } from './connect/fetch.ts'
export type {
  EventOf,
  InferEvents,
  ListenerOptions,
  AddListener,
  AddAnyListener,
  Schemas,
  StandardSchema,
  StreamEvent,
} from './base/events.ts'
export type {
  AuthProvider,
  ClientOptions,
  CommonOptions,
  Instrument,
  StreamReset,
  StreamResponse,
} from './request/options.ts'
export type {
  FetchOptions,
  ParseOption,
  Persistence,
  RunOptions,
  StreamOptions,
  SubscribeOptions,
} from './request/stream-options.ts'
export { type NativeOptions, native } from './protocols/native.ts'
export type { TextDelta } from './protocols/native-text.ts'
export type { End, Protocol, ProtocolEvent, Refusal, Step } from './protocols/protocol.ts'
export { rawEvents } from './protocols/raw-events.ts'
export type { Block, Delta, FinishReason, Message, TextBlock, ToolCall, Usage } from './message/message.ts'
export type { ArgumentsParser, MessageOptions } from './message/reduce.ts'
export type { MessageResult, Run, RunResult } from './client/run.ts'
export type { Observer, StreamRecord } from './source/record.ts'
export type { RetryOptions } from './source/retry.ts'
export type { AttemptContext, StreamState } from './source/source.ts'
export type { FeedEvents, Subscription } from './client/subscription.ts'
export type { Block as EventBlock } from './sse/parse.ts'
