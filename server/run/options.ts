/** The options of runs. */
import type { Identity } from '../http/identity.ts'
import type { Delta, End } from './delta.ts'
import type { EndedRun } from './producer.ts'

/** What `generate` gets. */
export interface GenerateContext<Body, Id extends Identity> {
  /** ID of the run: the `streamId` of its clients. */
  readonly id: string
  /** What `parse` returned. */
  readonly body: Body
  readonly identity: Id
  /**
   * Aborts when the run is cancelled, when nobody has read it for `abandon`, or when the log gave it up; never because a
   * reader has left.
   */
  readonly signal: AbortSignal
}

/** What `authorize` decides about. */
export interface RunAccess {
  /** `start`: a new run; `read` and `cancel`: the run of `owner`. */
  readonly action: 'start' | 'read' | 'cancel'
  /** ID of the run; absent at the start. */
  readonly id?: string
  /** Subject of the identity that started the run. */
  readonly owner: string
}

/** Options of `server.runs`. Durations are in milliseconds. */
export interface RunsOptions<Body, Id extends Identity> {
  /**
   * Checks the body of a request: its JSON, or for a GET the parameters of its query. If it throws, the request is answered
   * with 400; the message of an `HttpError` is sent, any other is not.
   * @defaultValue the body is not checked
   * @example
   * ```ts
   * server.runs({ parse: (body) => schema.parse(body), generate })
   * ```
   */
  readonly parse?: (body: unknown) => Body | Promise<Body>
  /**
   * Generates an answer: yields its deltas and may return its `End`. Whatever it throws ends the run with an `error` event.
   * It runs once per run, with or without readers.
   * @example
   * ```ts
   * server.runs<{ prompt: string }>({
   *   async *generate({ body, signal }) {
   *     for await (const token of model(body.prompt, signal)) yield token
   *   },
   * })
   * ```
   */
  readonly generate: (context: GenerateContext<Body, Id>) => AsyncGenerator<Delta, End | void> | AsyncIterable<Delta>
  /**
   * Called once when a run of this process has ended, however it ended, with the text so far.
   * @example
   * ```ts
   * server.runs({ generate, onEnd: ({ id, text, outcome }) => database.save(id, text, outcome) })
   * ```
   */
  readonly onEnd?: (run: EndedRun & { readonly identity: Id }) => void | Promise<void>
  /**
   * Whether an identity may start, read or cancel a run. A refused start is answered with 403, everything else as if there
   * were no such run.
   * @defaultValue only the owner may read and cancel a run
   * @example
   * ```ts
   * server.runs({
   *   generate,
   *   authorize: ({ subject }, { action, owner }) => subject === owner || (action === 'read' && isSupport(subject)),
   * })
   * ```
   */
  readonly authorize?: (identity: Id, access: RunAccess) => boolean | Promise<boolean>
  /**
   * For how long a run is kept after its end or its last reader, whichever is later.
   * @defaultValue 60_000
   * @example
   * ```ts
   * server.runs({ generate, retention: 24 * 60 * 60_000 })
   * ```
   */
  readonly retention?: number
  /**
   * For how long a run without readers continues; checked every second. `Infinity`: to its end.
   * @defaultValue 60_000
   * @example
   * ```ts
   * server.runs({ generate, abandon: 5 * 60_000 })
   * ```
   */
  readonly abandon?: number
  /**
   * How many bytes the events of one run may take; a longer one ends with an `error` event.
   * @defaultValue 16 MiB
   * @example
   * ```ts
   * server.runs({ generate, maxBytes: 1024 * 1024 })
   * ```
   */
  readonly maxBytes?: number
}

/** Runs: one handler starts, resumes and cancels them. */
export interface Runs {
  /**
   * Handles requests of clients, at any path: GET and POST start a run, GET with `?run=` resumes it, and DELETE cancels it.
   * @example
   * ```ts
   * app.all('/api/generate', (context) => answers.handler(context.req.raw))
   * ```
   */
  readonly handler: (request: Request) => Promise<Response>
}
