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

/** What the caller decides about an attempt. Nothing is called after the attempt was aborted. */
export interface AttemptHooks {
  /** Method, and URL without query, for messages as long as there is no request. */
  label: string
  /** Builds the request. An error that is not a `StreamError` was thrown by the application's code, and is final. */
  request(signal: AbortSignal): Promise<ConnectRequest>
  /**
   * Checks the response, whatever its status. Rejects with a `StreamError` if its body must not be read as events, and
   * resolves with `false` if there is nothing to read and no error either.
   */
  checkResponse(connection: Connection, request: ConnectRequest): Promise<boolean | void>
}

/**
 * Opens a connection. Resolves with `undefined` if there is nothing to read. Rejects with a `StreamError`, with the
 * application's own error, or, as soon as `controller` is aborted, with the abort reason.
 */
export function openConnection(
  { connect, clock, connectTimeout }: AttemptOptions,
  controller: AbortController,
  hooks: AttemptHooks,
): Promise<Connection | undefined> {
  const { signal } = controller
  let { label } = hooks
  let awaited: 'credentials' | 'response headers' = 'credentials'

  const open = async (): Promise<Connection | undefined> => {
    const request = await hooks.request(signal)
    signal.throwIfAborted()
    label = formatRequestLabel(request)
    awaited = 'response headers'
    let connection: Connection | undefined
    try {
      connection = await connect(request)
      signal.throwIfAborted()
      const hasStream = await hooks.checkResponse(connection, request)
      signal.throwIfAborted()
      if (hasStream !== false) return connection
      connection.cancel()
      return undefined
    } catch (cause) {
      connection?.cancel()
      throw signal.aborted || isStreamError(cause) ? cause : requestFailed(label, cause)
    }
  }
  return new Promise((resolve, reject) => {
    const onTimeout = (): void => {
      const code = awaited === 'credentials' ? 'auth' : 'network'
      controller.abort(retryableError(code, `No ${awaited} within ${connectTimeout} ms (connectTimeout)`, label))
    }
    const cancelDeadline = connectTimeout < Infinity ? clock.after(connectTimeout, onTimeout) : () => {}
    // The steps may ignore the signal; the caller must not have to wait for them.
    const onAbort = (): void => {
      cancelDeadline()
      reject(signal.reason)
    }
    signal.addEventListener('abort', onAbort)
    const opening = open()
    const onSettled = (): void => {
      cancelDeadline()
      signal.removeEventListener('abort', onAbort)
    }
    opening.then(onSettled, onSettled)
    opening.then(resolve, reject)
  })
}

/** Creates the error for a request, or the reading of its response, that failed with `cause`. */
export function requestFailed(label: string, cause: unknown): StreamError {
  return retryableError('network', 'Request failed', label, cause)
}

/** Creates the error for a connection that was silent for `ms` milliseconds. */
export function silenceError(code: 'idle' | 'stalled', ms: number, label: string): StreamError {
  const silence = code === 'idle' ? `No bytes for ${ms} ms (idleTimeout` : `No events for ${ms} ms (stallTimeout`
  return retryableError(code, `${silence}; dead connection, or buffering proxy)`, label)
}

/** Options of an attempt that is read to its end. */
export interface ReadOptions extends AttemptOptions {
  /** Creates the watchdog that detects silence. Without it, silence has no limit. */
  startWatchdog?: (onSilence: (code: 'idle' | 'stalled', ms: number) => void) => Watchdog
}

/** What `runAttempt` calls while it reads. */
export interface ReadHooks extends AttemptHooks {
  onOpen?(connection: Connection): void
  /** Called for each batch. Its promise delays the next read; an exception ends the attempt. */
  onBatch?(batch: Batch): Promise<void> | void
}

/**
 * Opens a connection and reads it to its end. Resolves with `false` if there was nothing to read. Rejects as
 * `openConnection` does.
 */
export async function runAttempt(
  options: ReadOptions,
  controller: AbortController,
  hooks: ReadHooks,
): Promise<boolean> {
  const { signal } = controller
  let watchdog: Watchdog | undefined
  let connection: Connection | undefined
  // A read may ignore the signal; one listener serves all reads.
  let rejectPending: ((reason: unknown) => void) | undefined
  signal.addEventListener('abort', () => rejectPending?.(signal.reason))
  const unlessAborted = <Value>(promise: Promise<Value>): Promise<Value> =>
    new Promise((resolve, reject) => {
      if (signal.aborted) reject(signal.reason)
      rejectPending = reject
      promise.then(resolve, reject)
    })
  try {
    connection = await openConnection(options, controller, hooks)
    if (!connection) return false
    signal.throwIfAborted()
    hooks.onOpen?.(connection)
    watchdog = options.startWatchdog?.((code, ms) => controller.abort(silenceError(code, ms, hooks.label)))
    for (;;) {
      watchdog?.beginRead()
      const batch = await unlessAborted(connection.read())
      if (!batch) return true
      watchdog?.endRead(batch.blocks.some(({ data }) => data !== undefined))
      signal.throwIfAborted()
      const backpressure = hooks.onBatch?.(batch)
      if (backpressure) await unlessAborted(backpressure)
    }
  } catch (cause) {
    if (signal.aborted || isStreamError(cause) || !connection) throw cause
    throw requestFailed(hooks.label, cause)
  } finally {
    watchdog?.stop()
    connection?.cancel()
    controller.abort()
  }
}
