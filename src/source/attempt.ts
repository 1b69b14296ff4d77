/** One attempt at a stream: sends the request, checks the response, and reads it to its end. */
import type { Clock } from '../base/clock.ts'
import { type StreamError, isStreamError } from '../base/errors.ts'
import { formatRequestLabel, retryableError } from '../base/request-error.ts'
import type { Batch, Connect, ConnectRequest, Connection } from '../connect/connect.ts'
import type { Watchdog } from './watchdog.ts'

export interface AttemptOptions {
  connect: Connect
  clock: Clock
  /** Milliseconds within which the response headers must arrive. Includes the time that providers of credentials take. */
  connectTimeout: number
}

/** A connection that was open for this long counts as a success, in milliseconds. */
export const STABLE_AFTER_MS = 10_000
/** Milliseconds that the connection of a finished stream may take to end. */
const DRAIN_TIMEOUT_MS = 1_000

/** What the caller decides about an attempt. Nothing is called after `stop()` or `drain()`. */
export interface AttemptHooks {
  /** Method, and URL without query, for messages as long as there is no request. */
  label: string
  /** Builds the request. */
  request(signal: AbortSignal): Promise<ConnectRequest>
  /**
   * Checks the response, whatever its status. Rejects with a `StreamError` if its body must not be read as events, and
   * resolves with `false` if there is nothing to read and no error either.
   */
  checkResponse(connection: Connection, request: ConnectRequest): Promise<boolean | void>
  /** Creates the watchdog that detects silence. Without it, silence has no limit. */
  startWatchdog?(onSilence: (code: 'idle' | 'stalled', ms: number, option?: string) => void): Watchdog
  /** Called when the response is to be read. The promise delays the first read. */
  onOpen?(connection: Connection): Promise<void> | void
  /**
   * Called with each batch. The promise delays the next read. An error, returned or thrown, ends the attempt: the
   * connection cannot be used any further.
   */
  onBatch?(batch: Batch, connection: Connection): Promise<StreamError | void> | void
  /**
   * Returns what the clean end of the connection means: an error, or nothing. `isEmpty`: the connection has brought no
   * byte.
   */
  endOfConnection?(isEmpty: boolean): StreamError | undefined
  /**
   * Called once the attempt has ended and is cleaned up; without an error, there is nothing more to read. `isFinal`: the
   * application's own code has thrown the error (any but an `auth` error) while it prepared the request.
   */
  onEnd(error: unknown, isFinal: boolean): void
}

/**
 * An attempt, which can be started once. Its steps may ignore the signal: it ends at once nevertheless. A class, because
 * closures would cost half a kilobyte for each open stream.
 */
export class Attempt {
  /** Detects silence while the connection is open. */
  watchdog: Watchdog | undefined
  readonly #options: AttemptOptions
  readonly #hooks: AttemptHooks
  readonly #controller = new AbortController()
  #label: string
  #awaited: 'credentials' | 'response headers' = 'credentials'
  #cancelTimer: (() => void) | undefined
  #connection: Connection | undefined
  #isDraining = false

  constructor(options: AttemptOptions, hooks: AttemptHooks) {
    this.#options = options
    this.#hooks = hooks
    this.#label = hooks.label
  }

  start(): void {
    const { clock, connectTimeout } = this.#options
    const onTimeout = (): void => {
      const code = this.#awaited === 'credentials' ? 'auth' : 'network'
      const message = `No ${this.#awaited} within ${connectTimeout} ms (connectTimeout)`
      this.#end(retryableError(code, message, this.#label))
    }
    if (connectTimeout < Infinity) this.#cancelTimer = clock.after(connectTimeout, onTimeout)
    this.#run().catch((cause: unknown) => {
      const isKnown = isStreamError(cause) || this.#awaited === 'credentials'
      this.#end(isKnown ? cause : retryableError('network', 'Request failed', this.#label, cause))
    })
  }

  /** Ends the attempt. Idempotent. */
  stop(reason?: unknown): void {
    this.#release()
    this.#controller.abort(reason)
  }

  /** Ends the attempt, but lets its connection end by itself, so that it can be used for other requests. */
  drain(): void {
    this.#isDraining = true
    this.watchdog?.stop()
    this.#cancelTimer = this.#options.clock.after(DRAIN_TIMEOUT_MS, () => this.stop())
  }

  #release(): void {
    this.#cancelTimer?.()
    this.watchdog?.stop()
    this.#connection?.cancel()
  }

  #end(error?: unknown): void {
    if (this.#isDraining) return this.#release()
    if (this.#controller.signal.aborted) return
    this.stop(error)
    this.#hooks.onEnd(error, this.#awaited === 'credentials' && !isStreamError(error, 'auth'))
  }

  /** Resolves with the connection if there is something to read. What only this step needs is not kept while reading. */
  async #open(): Promise<Connection | undefined> {
    const { signal } = this.#controller
    const request = await this.#hooks.request(signal)
    if (signal.aborted) return undefined
    this.#label = formatRequestLabel(request)
    this.#awaited = 'response headers'
    const connection = await this.#options.connect(request)
    this.#connection = connection
    if (signal.aborted) connection.cancel()
    else if ((await this.#hooks.checkResponse(connection, request)) === false) this.#end()
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    return signal.aborted ? undefined : connection
  }

  async #run(): Promise<void> {
    const { signal } = this.#controller
    const hooks = this.#hooks
    const connection = await this.#open()
    if (!connection) return
    const watchdog = hooks.startWatchdog?.((code, ms, option) => {
      const [missing, ownOption] = code === 'idle' ? ['bytes', 'idleTimeout'] : ['events', 'stallTimeout']
      const silence = `No ${missing} for ${ms} ms (${option ?? ownOption}; dead connection, or buffering proxy)`
      this.#end(retryableError(code, silence, this.#label))
    })
    this.watchdog = watchdog
    await hooks.onOpen?.(connection)
    for (let isEmpty = true; !signal.aborted;) {
      watchdog?.beginRead()
      const batch = await connection.read()
      if (signal.aborted) return
      if (!batch) return this.#end(this.#isDraining ? undefined : hooks.endOfConnection?.(isEmpty))
      if (this.#isDraining) continue
      watchdog?.endRead(batch.blocks.some(({ data }) => data !== undefined))
      isEmpty &&= !batch.bytes
      const pending = hooks.onBatch?.(batch, connection)
      const error = pending && (await pending)
      if (error) return this.#end(error)
    }
  }
}
