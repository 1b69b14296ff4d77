/** Event types, all derived from one type parameter: the event map `{ name: payload }`. */

/** An event as listeners and loops receive it. */
export interface StreamEvent<Type extends string = string, Data = unknown> {
  /** Event name; `message` if the server sent none. */
  readonly type: Type
  /** Parsed payload. */
  readonly data: Data
  /** Last event ID as of this event; empty if the server has sent none. */
  readonly id: string
}

/** Union of the events in a map `{ name: payload }`; `event.type` narrows `event.data`. */
export type EventOf<Events extends object> = {
  [Type in keyof Events & string]: StreamEvent<Type, Events[Type]>
}[keyof Events & string]

/** Options for `on`, `once` and `onAny`. */
export interface ListenerOptions {
  /**
   * Removes the listener when the signal aborts.
   *
   * @example
   * ```ts
   * const controller = new AbortController()
   * feed.on('price', ({ data }) => console.log(data), { signal: controller.signal })
   * controller.abort()
   * ```
   */
  signal?: AbortSignal
}

/**
 * Adds a listener for one type of event and returns an idempotent function that removes it. An exception in a listener
 * is passed to `reportError` and does not affect the stream.
 */
export type AddListener<Events extends object> = <Type extends keyof Events & string>(
  type: Type,
  listener: (event: StreamEvent<Type, Events[Type]>) => unknown,
  options?: ListenerOptions,
) => () => void

/** Adds a listener for events of every type and returns an idempotent function that removes it. */
export type AddAnyListener = (listener: (event: StreamEvent) => unknown, options?: ListenerOptions) => () => void

/**
 * A payload validator: Standard Schema version 1 (standardschema.dev), implemented by Zod, Valibot, ArkType and others.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

/** Result of a validation: the validated value, or issues. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string }[] }

/** Map from event type to schema. */
export type Schemas = { readonly [type: string]: StandardSchema }

/** Event map inferred from a map of schemas. */
export type InferEvents<Map extends Schemas> = {
  [Type in keyof Map]: NonNullable<Map[Type]['~standard']['types']>['output']
}
