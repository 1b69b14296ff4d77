/** The types of events: one generic, the event map, from which the rest follows. */

/** An event as listeners and loops see it. */
export interface StreamEvent<Type extends string = string, Data = unknown> {
  /** The event's name; `message` where the server gave none. */
  readonly type: Type
  /** Its payload, parsed. */
  readonly data: Data
  /** The last event ID as of this event; empty: none. */
  readonly id: string
}

/** The union of the events in a map `{ name: payload }`: `event.type` narrows `event.data`. */
export type EventOf<Events extends object> = {
  [Type in keyof Events & string]: StreamEvent<Type, Events[Type]>
}[keyof Events & string]

/** What `on` can be given. */
export interface ListenerOptions {
  /** Removes the listener when it aborts. */
  signal?: AbortSignal
}

/** Adds a listener for one type of event; returns what removes it (idempotent). What a listener throws is reported, and the next event arrives. */
export type AddListener<Events extends object> = <Type extends keyof Events & string>(
  type: Type,
  listener: (event: StreamEvent<Type, Events[Type]>) => unknown,
  options?: ListenerOptions,
) => () => void

/** Adds a listener for every event. */
export type AddAnyListener = (listener: (event: StreamEvent) => unknown, options?: ListenerOptions) => () => void

/** What validates a payload: Standard Schema version 1 (standardschema.dev), as zod, valibot, arktype have it. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string }[] }

/** Schemas by event type. */
export type Schemas = { readonly [type: string]: StandardSchema }

/** The event map that schemas describe. */
export type InferEvents<Map extends Schemas> = {
  [Type in keyof Map]: NonNullable<Map[Type]['~standard']['types']>['output']
}
