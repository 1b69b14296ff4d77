/** A run for a user interface: one request after another, with a status, actions and callbacks. */
import { systemClock } from '../base/clock.ts'
import type { StreamError } from '../base/errors.ts'
import { callSafely } from '../base/report-error.ts'
import type { Client } from '../client/client.ts'
import type { MessageResult, Run, RunResult } from '../client/run.ts'
import type { Message } from '../message/message.ts'
import type { Protocol } from '../protocols/protocol.ts'
import type { RunOptions } from '../request/stream-options.ts'
import { type StreamState, initialState } from '../source/state.ts'
import { type ReadableStore, type StoreOptions, createSnapshotStore } from './snapshot.ts'
import { createUsers } from './users.ts'

/** A run to start: its URL, and the options of `client.stream`. */
export interface RunRequest<OwnMessage = unknown> extends Omit<RunOptions, 'protocol'> {
  readonly url: string | URL
  // The store only reads the text and the message, so the deltas may have any type.
  readonly protocol?: Protocol<unknown, unknown, OwnMessage> | undefined
}

/** What a user interface shows of a run. */
export interface RunSnapshot<OwnMessage = unknown> {
  /**
   * `submitted`: nothing has arrived; `stopped`: by `stop()`, or by the server; `error`: the answer is incomplete.
   */
  readonly status: 'idle' | 'submitted' | 'streaming' | 'done' | 'stopped' | 'error'
  /** The text so far; after an error, all that has arrived. */
  readonly text: string
  /** The message so far, if the protocol makes one. */
  readonly message: OwnMessage | undefined
  readonly finishReason: string | undefined
  readonly usage: unknown
  /** Why the run has failed, or, with the status `stopped`, why the server has not confirmed that it has stopped. */
  readonly error: Error | undefined
  /** The state of the connection, for example to show that it is interrupted. */
  readonly connection: StreamState
}

/** Options for a run in a user interface. */
export interface RunStoreOptions<OwnMessage = unknown> extends StoreOptions {
  /**
   * What happens to a run on the server when its last component is unmounted or when another one takes its place.
   *
   * @defaultValue `'detach'` where the request has `persist`, else `'cancel'`
   * @example
   * ```ts
   * createRunStore(client, { unmount: 'detach' })
   * ```
   */
  unmount?: 'cancel' | 'detach' | undefined
  /**
   * Called with the result of a run that is complete or was cancelled.
   *
   * @example
   * ```ts
   * createRunStore(client, { onFinish: ({ text, usage }) => console.log(text, usage) })
   * ```
   */
  onFinish?: ((result: OwnMessage extends Message ? MessageResult<OwnMessage> : RunResult) => void) | undefined
  /**
   * Called with the error of a run, next to the `onError` of the request and the client.
   *
   * @example
   * ```ts
   * createRunStore(client, { onError: (error) => console.error(error.message) })
   * ```
   */
  onError?: ((error: Error) => void) | undefined
}

/** What a user interface does with a run. The functions can be passed on: they need no `this`. */
export interface RunActions<OwnMessage = unknown> {
  /** Starts a run in place of the one before, which is left as `unmount` says. */
  start(request: RunRequest<OwnMessage>): void
  /** Cancels the run on the server. The text stays. */
  stop(): void
  /** Starts the same request again. */
  retry(): void
  /**
   * Connects again at once while the connection is interrupted, and after an error continues where the text ends. Returns
   * `false` if it cannot.
   */
  resume(): boolean
  /** Leaves the run as `unmount` says, and becomes `idle`. */
  reset(): void
}

/** A run for a user interface. */
export interface RunStore<OwnMessage = unknown> extends ReadableStore<RunSnapshot<OwnMessage>> {
  readonly actions: RunActions<OwnMessage>
  /**
   * Declares what a component shows: starts `request` unless it is the one that was declared before. Returns a function to
   * call when the component is unmounted, or before it declares another request.
   */
  use(request: RunRequest<OwnMessage> | null | undefined): () => void
}

/** What makes two requests the same, so that a component may write its request inline. */
export function requestKey(request: RunRequest | null | undefined): string | undefined {
  if (!request) return undefined
  const { url, method, searchParams, json, body, persist, idempotencyKey } = request
  const query = searchParams && new URLSearchParams(searchParams as string).toString()
  const { key } = (persist ?? {}) as { key?: string }
  return JSON.stringify([url, method, query, json, key, idempotencyKey]) + (body as string)
}

/**
 * Creates a store that runs one request after another, and opens nothing by itself.
 *
 * @example
 * ```ts
 * import { createRunStore } from 'rivulet/store'
 * const store = createRunStore(client)
 * store.subscribe(() => console.log(store.get().status, store.get().text))
 * store.actions.start({ url: '/api/generate', json: { prompt: 'Hello' } })
 * ```
 */
export function createRunStore<OwnMessage = unknown>(
  client: Pick<Client, 'stream' | 'resume'>,
  options: RunStoreOptions<OwnMessage> = {},
): RunStore<OwnMessage> {
  let request: RunRequest<OwnMessage> | undefined
  let run: Run | undefined
  let outcome: Partial<RunSnapshot<OwnMessage>> = {}
  let declaredKey: string | undefined
  let wasLeft = false // in the middle of a run
  const isLive = (): boolean => !!run && run.state.status !== 'closed'
  const store = createSnapshotStore<RunSnapshot<OwnMessage>>(() => {
    const { text = '', message, state: connection = initialState } = run ?? ({} as Partial<Run>)
    const { finishReason, usage, error } = outcome
    const live = text || message ? 'streaming' : 'submitted'
    const status = outcome.status ?? (run ? live : 'idle')
    return { status, text, message: message as OwnMessage | undefined, finishReason, usage, error, connection }
  }, options)

  const leave = (): void => {
    if (!isLive()) return
    wasLeft = true
    outcome = { ...outcome, status: 'stopped' }
    if ((options.unmount ?? (request?.persist ? 'detach' : 'cancel')) === 'detach') run!.detach()
    else void run!.cancel()
  }
  const open = (make: () => Run): void => {
    leave()
    wasLeft = false
    outcome = {}
    run = undefined
    let opened: Run | undefined
    const end = (next: typeof outcome, result?: RunResult): void => {
      if (opened !== run || wasLeft) return
      outcome = next
      store.flush()
      if (next.error) callSafely(options.onError, next.error)
      if (result) callSafely(options.onFinish, result as never)
    }
    try {
      opened = run = make()
      opened.subscribe(() => opened === run && store.request())
      opened.final().then(
        (result) => {
          const { finishReason, usage, cancelError } = result
          const status = finishReason === 'cancelled' ? 'stopped' : 'done'
          end({ status, finishReason, usage, error: cancelError as Error | undefined }, result)
        },
        (error: Error) => end({ status: 'error', error }),
      )
      store.flush()
    } catch (error) {
      end({ status: 'error', error: error as Error })
    }
  }
  const start = (next: RunRequest<OwnMessage>): void => {
    open(() => client.stream(next.url, next as RunOptions))
    request = next
  }
  const reset = (): void => {
    leave()
    wasLeft = false
    outcome = {}
    run = request = undefined
    store.flush()
  }
  const addUser = createUsers(leave, () => run?.state.status === 'idle', options.clock ?? systemClock)

  return {
    get: store.get,
    subscribe: store.subscribe,
    use(next) {
      const key = requestKey(next)
      if (next && (key !== declaredKey || wasLeft)) start(next)
      else if (key !== declaredKey) reset()
      declaredKey = key
      return addUser()
    },
    actions: {
      start,
      stop() {
        if (!isLive()) return
        outcome = { status: 'stopped' }
        void run!.cancel()
        store.flush()
      },
      retry: () => request && start(request),
      resume() {
        if (isLive()) return run!.reconnect()
        const { cursor } = (outcome.error ?? {}) as Partial<StreamError>
        if (!cursor || !request) return false
        const { text, message } = store.get()
        const startOnly = { method: undefined, json: undefined, body: undefined, searchParams: undefined }
        const runOptions = { ...request, ...startOnly, text, message } as RunOptions
        open(() => client.resume(cursor, runOptions))
        return true
      },
      reset,
    },
  }
}
