/** The producer of a run: turns what `generate` yields into events, and ends the run exactly once. */
import type { Clock } from '../base/clock.ts'
import type { Instrument } from '../base/instrument.ts'
import type { EventLog, Refusal } from '../log/event-log.ts'
import { HARD_CAP } from '../log/event-log.ts'
import { encodeFrame } from '../log/frame.ts'
import { PRODUCER_LOST_FRAME } from '../log/producer-lost.ts'
import { AnswerText } from './answer-text.ts'
import type { Delta, End, FinishReason } from './delta.ts'
import { OtherEvent, RunError, isRunError } from './delta.ts'
import { RunAppender } from './run-appender.ts'

/** How a run ended: the reason of its `end` event, `failed` after an `error` event, `lost` if others ended it. */
export type RunOutcome = FinishReason | 'failed' | 'lost'

/** A run that has ended. */
export interface EndedRun {
  readonly id: string
  /** The text that was generated, possibly a part of the answer. */
  readonly text: string
  readonly outcome: RunOutcome
}

/** Options of a producer. */
export interface ProducerOptions {
  readonly log: EventLog
  readonly clock: Clock
  readonly instrument: Instrument
  /** ID of the run. */
  readonly id: string
  /** Name of the run in the log. */
  readonly stream: string
  readonly token: number
  readonly subject: string
  /** Bytes that the run may take. */
  readonly maxBytes: number
  /** Called once, when the run has ended. */
  onEnd(run: EndedRun): void | Promise<void>
}

const FINISH_REASONS = new Set<string | undefined>([
  'stop',
  'length',
  'tool-calls',
  'content-filter',
  'paused',
  'error',
  'cancelled',
])

/** Produces one run. */
export class Producer {
  readonly #options: ProducerOptions
  readonly #appender: RunAppender
  readonly #controller = new AbortController()
  readonly #text = new AnswerText()
  readonly #startedAt: number
  #nextIndex = 0
  #outcome: RunOutcome | undefined
  #error: unknown
  /** Ends the wait for the next delta. */
  #interrupt: (() => void) | undefined

  constructor(options: ProducerOptions) {
    const { log, stream, token, clock, maxBytes } = options
    this.#options = options
    this.#startedAt = clock.now()
    this.#appender = new RunAppender({
      log,
      stream,
      token,
      clock,
      retention: { events: Infinity, bytes: maxBytes / HARD_CAP, age: Infinity },
      onRefused: (refused) => this.#onRefused(refused),
    })
  }

  get stream(): string {
    return this.#options.stream
  }

  get token(): number {
    return this.#options.token
  }

  /** Aborts when the run was cancelled, or is ended by others. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Appends the `start` event. */
  start(data: Readonly<Record<string, unknown>>): void {
    const { instrument, id, subject } = this.#options
    instrument({ type: 'run-start', id, subject })
    void this.#appender.add(encodeFrame('start', JSON.stringify(data)))
  }

  /** Appends everything that `generate` yields, and the end. Never rejects. */
  async run(generate: () => AsyncIterable<Delta>): Promise<void> {
    try {
      if (this.#outcome === undefined) this.#end(await this.#produce(generate))
    } catch (error) {
      this.#fail(error)
    }
    await this.#appender.flush()
    await this.#report()
  }

  /** Ends the run with `cancelled`. */
  cancel(): void {
    this.#end({ finishReason: 'cancelled' })
  }

  /** Stops without an event: others have ended the run. */
  lose(): void {
    this.#settle('lost')
    this.#appender.close()
  }

  /** Ends the run because this process ends: the client may start it again. */
  async abandon(): Promise<void> {
    if (this.#outcome !== undefined) return
    this.#settle('lost')
    await this.#appender.flush()
    const { log } = this.#options
    try {
      // Without its lease, the run ends as lost, which releases its key.
      await log.renew(this.stream, this.token, 0)
      await log.finish(this.stream, PRODUCER_LOST_FRAME, 'lease-lost')
    } catch {
      // The log cannot be reached: the lease expires by itself.
    }
  }

  /** Returns what `generate` returned, or `undefined` if the run has ended meanwhile. */
  async #produce(generate: () => AsyncIterable<Delta>): Promise<unknown> {
    const iterator = generate()[Symbol.asyncIterator]()
    while (this.#outcome === undefined) {
      const result = await this.#next(iterator)
      if (!result || this.#outcome !== undefined) break
      if (result.done) return result.value
      await this.#appender.add(this.#encode(result.value))
    }
    // Not awaited, because a generator that ignores the signal may never return.
    iterator.return?.().catch(() => undefined)
    return undefined
  }

  /** A promise per delta instead of a race with one long-lived promise, which would keep a reaction for each delta. */
  #next(iterator: AsyncIterator<Delta>): Promise<IteratorResult<Delta, unknown> | undefined> {
    return new Promise((resolve, reject) => {
      this.#interrupt = () => resolve(undefined)
      iterator.next().then(resolve, reject)
    })
  }

  #encode(delta: Delta): string {
    if (delta instanceof OtherEvent) return encodeFrame(delta.type, JSON.stringify(delta.data))
    const fields = typeof delta === 'string' ? { content: delta } : delta
    assertDelta(fields)
    this.#text.add(fields)
    return encodeFrame('delta', JSON.stringify({ ...fields, index: this.#nextIndex++ }))
  }

  #end(end: unknown): void {
    if (this.#outcome !== undefined) return
    const { finishReason = 'stop', rawFinishReason, usage } = Object(end ?? {}) as End
    if (!FINISH_REASONS.has(finishReason)) throw new TypeError(`finishReason: ${finishReason} is not in the protocol`)
    this.#settle(finishReason)
    const timestamp = this.#options.clock.date()
    void this.#appender.add(
      encodeFrame('end', JSON.stringify({ finishReason, rawFinishReason, timestamp, usage })),
      'terminal',
    )
  }

  #fail(error: unknown): void {
    if (this.#outcome !== undefined) return
    this.#error = error
    this.#settle('failed')
    void this.#appender.add(encodeError(error), 'terminal')
  }

  #settle(outcome: RunOutcome): void {
    if (this.#outcome !== undefined) return
    this.#outcome = outcome
    if (outcome === 'cancelled' || outcome === 'lost') this.#controller.abort(new Error(`The run was ${outcome}.`))
    this.#interrupt?.()
  }

  #onRefused(refused: Refusal): void {
    if (refused !== 'overloaded') return this.#settle('lost')
    const error = new RunError('overloaded', 'The answer is too long to be kept.')
    this.#error = error
    this.#settle('failed')
    this.#controller.abort(error)
    const { log, stream } = this.#options
    log.finish(stream, encodeError(error), 'always').catch(() => false)
  }

  async #report(): Promise<void> {
    const { id, subject, instrument, clock, onEnd } = this.#options
    const outcome = this.#outcome ?? 'lost'
    const duration = clock.now() - this.#startedAt
    const cause = this.#error === undefined ? {} : { error: this.#error }
    instrument({ type: 'run-end', id, subject, outcome, duration, ...cause })
    try {
      await onEnd({ id, text: this.#text.text, outcome })
    } catch (error) {
      instrument({ type: 'error', error })
    }
  }
}

/** @throws TypeError if a delta is not one of the protocol: its readers would fail */
function assertDelta(delta: unknown): asserts delta is Exclude<Delta, string> {
  const { type = 'text', content } = Object(delta) as { readonly type?: unknown; readonly content?: unknown }
  if (typeof type !== 'string' || (type === 'text' && typeof content !== 'string')) {
    throw new TypeError('generate: expected a string, or a delta of the protocol')
  }
}

/** Encodes an error, but nothing of an unknown one, which may contain a secret. */
function encodeError(error: unknown): string {
  const { code, message, retryable } = isRunError(error)
    ? error
    : new RunError('internal', 'The generation failed on the server.')
  return encodeFrame('error', JSON.stringify({ code, message, retryable }))
}
