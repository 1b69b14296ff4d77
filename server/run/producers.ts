/** The producers of this process, from their claims to their ends. */
import type { EndpointContext } from '../http/endpoint.ts'
import type { Interception } from '../http/hooks.ts'
import type { Identity } from '../http/identity.ts'
import { Leases } from './leases.ts'
import type { RunsOptions } from './options.ts'
import { Producer } from './producer.ts'

/** A run that this process has claimed. */
export interface ClaimedRun<Body, Id extends Identity> {
  readonly id: string
  /** Name of the run in the log. */
  readonly stream: string
  readonly token: number
  /** Whether it was cancelled before it was claimed. */
  readonly isCancelled: boolean
  readonly body: Body
  readonly identity: Id
  /** What differs for the request that starts the run. */
  readonly interception: Interception
}

/** Options of `Producers`. */
export interface ProducersOptions<Body, Id extends Identity> {
  readonly runs: RunsOptions<Body, Id>
  /** Keeps the process of a serverless host alive. */
  readonly waitUntil: ((promise: Promise<unknown>) => void) | undefined
  /** Whether this process has readers of a run. */
  isRead(stream: string): boolean
}

/** Starts runs and keeps their leases. */
export class Producers<Body, Id extends Identity> {
  readonly #context: EndpointContext<Id>
  readonly #options: ProducersOptions<Body, Id>
  readonly #leases: Leases
  /** Numbers of unfinished runs by subject. */
  readonly #counts = new Map<string, number>()
  readonly #unfinished = new Set<Promise<void>>()

  constructor(context: EndpointContext<Id>, options: ProducersOptions<Body, Id>) {
    const { log, clock } = context.hub.options
    const { abandon = 60_000 } = options.runs
    this.#context = context
    this.#options = options
    this.#leases = new Leases({ log, clock, abandon, isRead: options.isRead })
  }

  /** Number of unfinished runs of an identity. */
  countOf({ subject }: Identity): number {
    return this.#counts.get(subject) ?? 0
  }

  /** Starts a run. */
  start({ id, stream, token, isCancelled, body, identity, interception }: ClaimedRun<Body, Id>): void {
    const { hub, instrument } = this.#context
    const { log, clock } = hub.options
    const { heartbeat = hub.options.heartbeat, resume } = interception
    const { subject } = identity
    const { generate, onEnd, maxBytes = 16 * 1024 * 1024 } = this.#options.runs
    const producer = new Producer({
      log,
      clock,
      instrument,
      id,
      stream,
      token,
      subject,
      maxBytes,
      onEnd: (run) => onEnd?.({ ...run, identity }),
    })
    const prompt = (body as { readonly prompt?: unknown } | null)?.prompt
    producer.start({
      protocol: 1,
      streamId: id,
      ...(typeof prompt === 'string' ? { prompt } : {}),
      timestamp: clock.date(),
      // Resolved against the URL of the response: the handler's own path, also behind a proxy that changes paths.
      resume: resume?.(id) ?? `?run=${id}`,
      ...(heartbeat > 0 ? { heartbeat } : {}),
    })
    if (isCancelled) producer.cancel()
    const release = this.#leases.add(producer)
    this.#counts.set(subject, this.countOf(identity) + 1)
    const ended = producer
      .run(() => generate({ id, body, identity, signal: producer.signal }))
      .finally(() => {
        release()
        this.#unfinished.delete(ended)
        const remaining = this.countOf(identity) - 1
        if (remaining > 0) this.#counts.set(subject, remaining)
        else this.#counts.delete(subject)
      })
    this.#unfinished.add(ended)
    this.#options.waitUntil?.(ended)
  }

  /** Waits up to `grace` milliseconds for the runs, then gives up those that are left. */
  async close(grace: number): Promise<void> {
    if (grace > 0 && this.#unfinished.size > 0) {
      await new Promise<void>((resolve) => {
        const cancelTimer = this.#context.hub.options.clock.after(grace, resolve)
        void Promise.all(this.#unfinished).then(() => {
          cancelTimer()
          resolve()
        })
      })
    }
    await Promise.all(this.#leases.producers.map((producer) => producer.abandon()))
  }
}
