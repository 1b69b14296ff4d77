/** One attempt at a stream: sends the request, checks the response, and reads it to its end. */
import type { Clock } from '../base/clock.ts'
import { StreamError, type StreamErrorCode, type StreamErrorDetails, isStreamError } from '../base/errors.ts'
import type { Batch, Connect, ConnectRequest, Connection } from '../connect/connect.ts'
import type { Watchdog } from './watchdog.ts'

export interface AttemptOptions {
  connect: Connect
  clock: Clock
  /** Milliseconds within which the response headers must arrive. Includes the time that providers of credentials take. */
  connectTimeout: number
  /** Makes what measures silence, where it is to be measured. */
  startWatchdog?: (onSilence: (code: 'idle' | 'stalled', ms: number) => void) => Watchdog
}

/** Open for this long, a connection counts as a success (milliseconds). */
export const STABLE_AFTER_MS = 10_000

/** What the stream above decides, and is told. None is called once the attempt was given up. */
export interface AttemptHooks {
  /** What is asked for, for messages: method, and URL without query. */
  label: string
  /** What to ask for. What it rejects with is a failure of `auth`. */
  request(signal: AbortSignal): Promise<ConnectRequest>
  /** Called with every response, whatever its status. */
  onResponse?(connection: Connection): void
  /** Rejects with a `StreamError` if the response is not an event stream. Resolves with `false` if its body must not be read. */
  checkResponse(connection: Connection): Promise<boolean | void>
  onOpen?(connection: Connection): void
  /** What one read has brought. What it returns holds the next one back; what it throws ends the attempt. */
  onBatch?(batch: Batch): Promise<void> | void
}

/**
 * Resolves when the stream has ended cleanly: `false` where there was none, as after a 204. Rejects with a `StreamError`; when
 * `controller` is aborted, at once and with its reason.
 */
export async function runAttempt(
  { connect, clock, connectTimeout, startWatchdog }: AttemptOptions,
  controller: AbortController,
  { label, request, onResponse, checkResponse, onOpen, onBatch }: AttemptHooks,
): Promise<boolean> {
  const { signal } = controller
  // A promise below may ignore the signal: whoever waits must not.
  let rejectPending: ((reason: unknown) => void) | undefined
  signal.addEventListener('abort', () => rejectPending?.(signal.reason))
  const unlessAborted = <Value>(promise: Promise<Value>): Promise<Value> =>
    new Promise((resolve, reject) => {
      if (signal.aborted) reject(signal.reason)
      rejectPending = reject
      promise.then(resolve, reject)
    })
  let phase: 'auth' | 'network' = 'auth'
  const createError = (code: StreamErrorCode, message: string, details?: StreamErrorDetails): StreamError =>
    new StreamError(code, `${message}: ${label}`, { ...details, retryable: true })
  const cancelDeadline = clock.after(connectTimeout, () => {
    const missing = phase === 'auth' ? 'credentials' : 'response headers'
    controller.abort(createError(phase, `No ${missing} within ${connectTimeout} ms (connectTimeout)`))
  })
  let connection: Connection | undefined
  let watchdog: Watchdog | undefined
  try {
    const connectRequest = await unlessAborted(request(signal))
    phase = 'network'
    const connecting = connect(connectRequest)
    connecting.then((lateConnection) => signal.aborted && lateConnection.cancel()).catch(() => {}) // told below, if anybody waits
    connection = await unlessAborted(connecting)
    onResponse?.(connection)
    if (connection.status === 204 || (await unlessAborted(checkResponse(connection))) === false) return false
    cancelDeadline()
    signal.throwIfAborted()
    onOpen?.(connection)
    watchdog = startWatchdog?.((code, ms) => {
      const silence = code === 'idle' ? `No bytes for ${ms} ms (idleTimeout` : `No events for ${ms} ms (stallTimeout`
      controller.abort(createError(code, `${silence}; dead connection, or buffering proxy)`))
    })
    for (;;) {
      watchdog?.beginRead()
      const batch = await unlessAborted(connection.read())
      if (!batch) return true
      watchdog?.endRead(batch.blocks.some(({ data }) => data !== undefined))
      signal.throwIfAborted()
      const backpressure = onBatch?.(batch)
      if (backpressure) await unlessAborted(backpressure)
    }
  } catch (cause) {
    const reason = isStreamError(cause) || signal.aborted ? cause : createError(phase, 'Request failed', { cause })
    controller.abort()
    throw reason
  } finally {
    cancelDeadline()
    watchdog?.stop()
    connection?.cancel()
  }
}
