/** A run as its consumer sees it: a finite stream of deltas, complete only if its terminal event was received. */
import type { Cursor } from '../base/errors.ts'
import type { AddListener, EventOf } from '../base/events.ts'
import type { Message, ToolCall, Usage } from '../message/message.ts'
import type { TextDelta } from '../protocols/native-text.ts'
import type { StreamState } from '../source/source.ts'

/** The result of a complete run. */
export interface RunResult {
  /**
   * Text of all deltas that this run received. After `client.resume(cursor)` it includes the text before the cursor only
   * if the option `text` has it.
   */
  readonly text: string
  /**
   * `stop`, `length`, `tool-calls`, `content-filter`, `paused`, `error`, `cancelled`, or a value from a third-party
   * server.
   */
  readonly finishReason: string | undefined
  /** The finish reason in the words of the model's vendor, if the server has sent it. */
  readonly rawFinishReason?: string
  /** Usage as reported by the server. */
  readonly usage?: unknown
  /** Why the server has not confirmed `cancel()`, so that the run may continue there; absent if it has. */
  readonly cancelError?: unknown
}

/** The result of a complete run whose protocol makes a message. */
export interface MessageResult<OwnMessage = Message> extends RunResult {
  readonly message: OwnMessage
  /** The calls in the message whose tools the application runs. */
  readonly toolCalls: readonly ToolCall[]
  readonly usage?: Usage
}

/** An event map with the deltas of a server that sends only text, unless it has an event of that name itself. */
type WithDeltas<Events extends object, Delta> = [Delta] extends [TextDelta]
  ? Events & (string extends keyof Events ? { delta: TextDelta } : Omit<{ delta: TextDelta }, keyof Events>)
  : Events

/**
 * A run: a finite stream of deltas. It starts in the microtask after its creation and can be iterated once.
 *
 * @example
 * ```ts
 * const run = client.stream('/api/generate', { json: { prompt: 'Hello' } })
 * for await (const { content } of run) console.log(content)
 * const { text } = await run.final() // rejects if the run is incomplete
 * ```
 */
export interface Run<
  Delta = TextDelta,
  Events extends object = Record<string, unknown>,
  OwnMessage = unknown,
> extends AsyncIterable<Delta> {
  /**
   * Adds a listener for one type of event, named as the server names it, and returns a function that removes it. It also
   * receives the events that contain deltas, whole.
   *
   * @example
   * ```ts
   * const run = client.stream<{ tool_call: { name: string } }>('/api/generate')
   * run.on('tool_call', ({ data }) => console.log(data.name))
   * ```
   */
  on: AddListener<WithDeltas<Events, Delta>>
  /**
   * Iterates over the events that are not deltas, instead of over the deltas.
   *
   * @throws TypeError if the run was iterated before, or if listeners or `final()` have already received events
   * @example
   * ```ts
   * for await (const { type, data } of run.events()) console.log(type, data)
   * ```
   */
  events(): AsyncIterableIterator<EventOf<Events>, undefined>
  /**
   * Iterates over the deltas in arrays, one for each read of the connection. It counts as the one iteration of the run.
   * The deltas of an array count as delivered once the next array is requested.
   *
   * @throws TypeError if the run was iterated before, or if listeners or `final()` have already received events
   * @example
   * ```ts
   * for await (const deltas of run.batches()) console.log(deltas.map(({ content }) => content).join(''))
   * ```
   */
  batches(): AsyncIterableIterator<Delta[], undefined>
  /**
   * Text so far: that of the deltas that the loop has taken or, without a loop, of all deltas received.
   *
   * @example
   * ```ts
   * for await (const _ of run) document.title = run.text
   * ```
   */
  readonly text: string
  /**
   * Message so far, like `text`, if the protocol makes one. A block is replaced by another object when it changes, and
   * only then.
   *
   * @example
   * ```ts
   * const rich = client.stream('/api/generate', { protocol: native({ blocks: true }) })
   * for await (const _ of rich) console.log(rich.message?.blocks)
   * ```
   */
  readonly message: OwnMessage | undefined
  /**
   * Current state of the run's connection. `onStateChange` is called when its `status` changes.
   *
   * @example
   * ```ts
   * if (run.state.status === 'waiting') console.log('Reconnecting', run.state.error?.code)
   * ```
   */
  readonly state: StreamState
  /**
   * Cursor to resume the run after `text`; `undefined` until the server has announced a resume URL.
   *
   * @example
   * ```ts
   * const stored = JSON.stringify({ text: run.text, cursor: run.cursor })
   * ```
   */
  readonly cursor: Cursor | undefined
  /**
   * Resolves with the result once the run is complete. Without a loop, calling `final()` consumes the run.
   *
   * @throws StreamError if the run fails, with its `partial` text and a `cursor`; `AbortError` after `detach()` or
   * when a loop was left early; `signal.reason` after an abort
   * @example
   * ```ts
   * const { text, finishReason, usage } = await run.final()
   * ```
   */
  final(): Promise<OwnMessage extends Message ? MessageResult<OwnMessage> : RunResult>
  /**
   * Calls `listener` after each read that has brought events, and after each change of `state.status`. Returns a function
   * that removes it. It does not consume the run: without a loop, call `final()`, too.
   *
   * @example
   * ```ts
   * run.subscribe(() => console.log(run.state.status, run.text))
   * const { text } = await run.final()
   * ```
   */
  subscribe(listener: () => void): () => void
  /**
   * Connects again at once, for a "retry now" button: ends the wait for the next attempt, or drops the connection, and
   * continues after the last event received. Returns `false`, and does nothing, if the run has ended, if the request
   * could start the run twice, or before the time that the server asked for (`Retry-After`) has passed.
   *
   * @example
   * ```ts
   * if (!run.reconnect()) console.log('Please wait')
   * ```
   */
  reconnect(): boolean
  /**
   * Cancels the run on the server and resolves once the server has confirmed the cancellation; a request that fails is
   * repeated for five seconds. `final()` then resolves with `finishReason: 'cancelled'` and the text so far, unless the
   * run had already ended, and with `cancelError` if the server has not confirmed.
   *
   * @throws StreamError if the server could not be reached or refused to cancel
   * @example
   * ```ts
   * stopButton.onclick = () => run.cancel()
   * ```
   */
  cancel(): Promise<void>
  /**
   * Closes the connection without cancelling the run, which continues on the server and can be resumed from `cursor`.
   * Idempotent.
   *
   * @example
   * ```ts
   * run.detach()
   * const rest = run.cursor && client.resume(run.cursor)
   * ```
   */
  detach(): void
}
