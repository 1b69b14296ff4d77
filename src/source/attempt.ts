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

export interface Attempt {
  /** Detects silence while the connection is open. */
  readonly watchdog: Watchdog | undefined
  start(): void
  /** Ends the attempt. Idempotent. */
  stop(): void
  /** Ends the attempt, but lets its connection end by itself, so that it can be used for other requests. */
  drain(): void
}

/** Creates an attempt, which can be started once. The steps may ignore the signal: the attempt ends at once nevertheless. */
export function createAttempt({ connect, clock, connectTimeout }: AttemptOptions, hooks: AttemptHooks): Attempt {
  const controller = new AbortController()
  const { signal } = controller
  let { label } = hooks
  let awaited: 'credentials' | 'response headers' = 'credentials'
  let cancelTimer: (() => void) | undefined
  let connection: Connection | undefined
  let watchdog: Watchdog | undefined
  let isDraining = false

  const release = (): void => {
    cancelTimer?.()
    watchdog?.stop()
    connection?.cancel()
  }
  const stop = (reason?: unknown): void => {
    release()
    controller.abort(reason)
  }
  const end = (error?: unknown): void => {
    if (isDraining) return release()
    if (signal.aborted) return
    stop(error)
    hooks.onEnd(error, awaited === 'credentials' && !isStreamError(error, 'auth'))
  }
  const onTimeout = (): void => {
    const code = awaited === 'credentials' ? 'auth' : 'network'
    end(retryableError(code, `No ${awaited} within ${connectTimeout} ms (connectTimeout)`, label))
  }
  const onSilence = (code: 'idle' | 'stalled', ms: number, option?: string): void => {
    const [missing, ownOption] = code === 'idle' ? ['bytes', 'idleTimeout'] : ['events', 'stallTimeout']
    const silence = `No ${missing} for ${ms} ms (${option ?? ownOption}; dead connection, or buffering proxy)`
    end(retryableError(code, silence, label))
  }
  const onFailure = (cause: unknown): void => {
    const isKnown = isStreamError(cause) || awaited === 'credentials'
    end(isKnown ? cause : retryableError('network', 'Request failed', label, cause))
  }
  const run = async (): Promise<void> => {
    const request = await hooks.request(signal)
    if (signal.aborted) return
    label = formatRequestLabel(request)
    awaited = 'response headers'
    const opened = (connection = await connect(request))
    if (signal.aborted) return opened.cancel()
    const hasStream = await hooks.checkResponse(opened, request)
    if (signal.aborted) return
    if (hasStream === false) return end()
    cancelTimer?.()
    watchdog = hooks.startWatchdog?.(onSilence)
    await hooks.onOpen?.(opened)
    for (let isEmpty = true; !signal.aborted;) {
      watchdog?.beginRead()
      const batch = await opened.read()
      if (signal.aborted) return
      if (!batch) return end(isDraining ? undefined : hooks.endOfConnection?.(isEmpty))
      if (isDraining) continue
      watchdog?.endRead(batch.blocks.some(({ data }) => data !== undefined))
      isEmpty &&= !batch.bytes
      const error = await hooks.onBatch?.(batch, opened)
      if (error) return end(error)
    }
  }

  return {
    get watchdog() {
      return watchdog
    },
    start() {
      if (connectTimeout < Infinity) cancelTimer = clock.after(connectTimeout, onTimeout)
      run().catch(onFailure)
    },
    stop,
    drain() {
      isDraining = true
      watchdog?.stop()
      cancelTimer = clock.after(DRAIN_TIMEOUT_MS, stop)
    },
  }
}
