/** The call signatures of `subscribe`, `stream` and `resume`: methods of a client, and functions with its options. */
import type { Cursor } from '../base/errors.ts'
import type { InferEvents, Schemas } from '../base/events.ts'
import type { TextDelta } from '../protocols/native-text.ts'
import type { Protocol } from '../protocols/protocol.ts'
import type { ClientOptions } from '../request/options.ts'
import type { Persistence, RunOptions, SubscribeOptions } from '../request/stream-options.ts'
import type { Run } from './run.ts'
import type { Subscription } from './subscription.ts'

/** The options that only a client or a function has. */
export type SharedOptions = Pick<ClientOptions, 'baseUrl'>

/** Opens a feed. `Shared` are the options that a function takes in addition to a client's method. */
export interface Subscribe<Shared = unknown> {
  <Map extends Schemas>(
    url: string | URL,
    options: SubscribeOptions & Shared & { schema: Map },
  ): Subscription<InferEvents<Map>>
  <Events extends object = Record<string, unknown>>(
    url: string | URL,
    options?: SubscribeOptions & Shared,
  ): Subscription<Events>
}

/** Starts a run. `Shared` are the options that a function takes in addition to a client's method. */
export interface StreamRun<Shared = unknown> {
  <Delta, State, Message, Events extends object = Record<string, unknown>>(
    url: string | URL,
    options: RunOptions<Delta> & Shared & { protocol: Protocol<Delta, State, Message> },
  ): Run<Delta, Events, Message>
  <Map extends Schemas>(
    url: string | URL,
    options: RunOptions & Shared & { schema: Map },
  ): Run<TextDelta, InferEvents<Map>>
  <Events extends object = Record<string, unknown>>(
    url: string | URL,
    options?: RunOptions & Shared,
  ): Run<TextDelta, Events>
}

/** Resumes a run. `Shared` are the options that a function takes in addition to a client's method. */
export interface ResumeRun<Shared = unknown> {
  <Delta, State, Message, Events extends object = Record<string, unknown>>(
    cursor: Cursor,
    options: RunOptions<Delta> & Shared & { protocol: Protocol<Delta, State, Message> },
  ): Run<Delta, Events, Message>
  <Events extends object = Record<string, unknown>>(
    cursor: Cursor,
    options?: RunOptions & Shared,
  ): Run<TextDelta, Events>
}

/** Continues a persisted run. */
export interface RestoreRun {
  <Delta, State, Message, Events extends object = Record<string, unknown>>(
    store: Persistence,
    options: RestoreOptions<Delta> & { protocol: Protocol<Delta, State, Message> },
  ): Promise<Run<Delta, Events, Message> | undefined>
  <Events extends object = Record<string, unknown>>(
    store: Persistence,
    options?: RestoreOptions<TextDelta>,
  ): Promise<Run<TextDelta, Events> | undefined>
}

/** Options for `restore`. */
export type RestoreOptions<Delta> = Omit<RunOptions<Delta>, 'persist' | 'text' | 'message'>
