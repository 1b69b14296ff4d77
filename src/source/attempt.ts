/** One attempt at a stream: a request, its answer, and the reading of it to its end. */
import type { Clock } from '../base/clock.ts'
import { StreamError, type StreamErrorCode, type StreamErrorDetails, isStreamError } from '../base/errors.ts'
import type { Batch, Connect, ConnectRequest, Connection } from '../connect/connect.ts'
import type { Watchdog } from './watchdog.ts'

export interface AttemptOptions {
  connect: Connect
  clock: Clock
  /** Milliseconds until the answer's head, credentials included. */
  connectTimeout: number
  /** Makes what measures silence, where it is to be measured. */
  watch?: (onSilence: (code: 'idle' | 'stalled', ms: number) => void) => Watchdog
}

/** Open for this long, a connection counts as a success (milliseconds). */
export const SETTLED = 10_000

/** What the stream above decides, and is told. None is called once the attempt was given up. */
export interface AttemptHooks {
  /** What is asked for, for messages: method, and URL without query. */
  name: string
  /** What to ask for. What it rejects with is a failure of `auth`. */
  request(signal: AbortSignal): Promise<ConnectRequest>
  /** There is an answer, of any status. */
  answered?(connection: Connection): void
  /** Rejects with a `StreamError` where the answer is not an event stream; `false`: it is all that there is. */
  judge(connection: Connection): Promise<boolean | void>
  opened?(connection: Connection): void
  /** What one read has brought. What it returns holds the next one back; what it throws ends the attempt. */
  read?(batch: Batch): Promise<void> | void
}

/**
 * Resolves when the stream has ended cleanly: `false` where there was none, as after a 204. Rejects with a `StreamError`; when
 * `controller` is aborted, at once and with its reason.
 */
export async function runAttempt(
  { connect, clock, connectTimeout, watch }: AttemptOptions,
  controller: AbortController,
  { name, request, answered, judge, opened, read }: AttemptHooks,
): Promise<boolean> {
  const { signal } = controller
  // A promise below may ignore the signal: whoever waits must not.
  let bail: ((reason: unknown) => void) | undefined
  signal.addEventListener('abort', () => bail?.(signal.reason))
  const unlessAborted = <Value>(promise: Promise<Value>): Promise<Value> =>
    new Promise((resolve, reject) => {
      if (signal.aborted) reject(signal.reason)
      bail = reject
      promise.then(resolve, reject)
    })
  let doing: 'auth' | 'network' = 'auth'
  const failure = (code: StreamErrorCode, what: string, details?: StreamErrorDetails): StreamError =>
    new StreamError(code, `${what}: ${name}`, { ...details, retryable: true })
  const cancelDeadline = clock.after(connectTimeout, () =>
    controller.abort(failure(doing, `Nothing within ${connectTimeout} ms`)),
  )
  let connection: Connection | undefined
  let watchdog: Watchdog | undefined
  try {
    const asked = await unlessAborted(request(signal))
    doing = 'network'
    const connecting = connect(asked)
    connecting.then((late) => signal.aborted && late.cancel()).catch(() => {}) // told below, if anybody waits
    connection = await unlessAborted(connecting)
    answered?.(connection)
    if (connection.status === 204 || (await unlessAborted(judge(connection))) === false) return false
    cancelDeadline()
    signal.throwIfAborted()
    opened?.(connection)
    watchdog = watch?.((code, ms) =>
      controller.abort(
        failure(code, `${code === 'idle' ? 'Not a byte' : 'No event'} for ${ms} ms (dead, or held back by a proxy)`),
      ),
    )
    for (;;) {
      watchdog?.reading()
      const batch = await unlessAborted(connection.read())
      if (!batch) return true
      watchdog?.read(batch.blocks.some(({ data }) => data !== undefined))
      signal.throwIfAborted()
      const room = read?.(batch)
      if (room) await unlessAborted(room)
    }
  } catch (cause) {
    const reason = isStreamError(cause) || signal.aborted ? cause : failure(doing, 'Failed', { cause })
    controller.abort()
    throw reason
  } finally {
    cancelDeadline()
    watchdog?.stop()
    connection?.cancel()
  }
}
