/** A channel: one connection that carries many streams (PROTOCOL.md, section 5). */
import { onAbort, throwIfAborted } from '../base/abort-listeners.ts'
import { type Clock, systemClock } from '../base/clock.ts'
import { StreamError, isStreamError } from '../base/errors.ts'
import { callSafely, reportUncaughtError } from '../base/report-error.ts'
import { formatRequestLabel } from '../base/request-error.ts'
import type { Batch, Connect, ConnectRequest, Connection } from '../connect/connect.ts'
import { assertEventStream, httpError } from '../source/check-response.ts'
import { clampDelay } from '../source/retry.ts'
import { channelError } from './channel-error.ts'
import { type ChannelStream, createChannelStream } from './channel-stream.ts'
import { createOperationQueue } from './operations.ts'

/** Options for `multiplex`. */
export interface MultiplexOptions {
  /** Opens the channel, sends its operations, and opens separate connections for streams that cannot use the channel. @defaultValue `fetchConnect()` */
  connect?: Connect
  /**
   * `fetch` options for the channel and its operations. A stream with different `fetch` options gets a connection of
   * its own.
   */
  init?: RequestInit
  /** Bytes of each stream that the server may send ahead of the consumer. @defaultValue 256 KiB */
  window?: number
  /** Milliseconds for which the channel stays open after its last stream has ended. @defaultValue 1,000 */
  linger?: number
  /**
   * Milliseconds within which the server must open the channel, and must answer each request that sends operations. 0
   * turns it off.
   * @defaultValue 10,000
   */
  timeout?: number
  /** Clock for timers, to be replaced in tests. @defaultValue the platform's clock */
  clock?: Clock
  /** Called with an `invalid-data` error for each event on the channel that belongs to no stream. @defaultValue `reportError` */
  onError?(error: StreamError): void
}

export interface Channel {
  /**
   * Opens a stream. Resolves with `undefined` if the channel was rejected for a different identity; the stream must
   * then be opened on a new channel.
   */
  open(request: ConnectRequest): Promise<Connection | undefined>
}

/** Maximum size of one event on the channel, in characters; each stream also enforces its own, lower limit. */
const MAX_CHANNEL_EVENT_CHARS = 0x4000000
/** Minimum milliseconds between two notifications to all streams that the channel is alive. */
const ACTIVITY_INTERVAL_MS = 100

/** Returns the index of the first `=`, `+` or `!` in an ID, which separates a stream's key from the rest; -1 if there is none. */
function findKeyEnd(id: string): number {
  for (let index = 0; index < id.length; index++) {
    const character = id[index]
    if (character === '=' || character === '+' || character === '!') return index
  }
  return -1
}

/** Returns the headers that identify the user: all except those that describe the content of this request. */
const identityHeaders = ({ headers }: ConnectRequest): ConnectRequest['headers'] =>
  headers.filter(([name]) => !/^(accept|content-|idempotency-)/.test(name))

/**
 * Opens a channel at `url` with the identity of `firstRequest`. `onClosed` is called when the channel can no longer
 * open streams.
 */
export function createChannel(
  {
    window = 0x40000,
    linger = 1_000,
    timeout = 10_000,
    clock = systemClock,
    init,
    onError = reportUncaughtError,
    connect,
  }: MultiplexOptions & { connect: Connect },
  url: string,
  firstRequest: ConnectRequest,
  onClosed: () => void,
): Channel {
  const streams = new Map<string, ChannelStream>()
  const controller = new AbortController()
  const { signal } = controller // aborted once the channel is closed
  let lastAcceptedRequest = firstRequest // operations are sent with the credentials of this request
  let idleTimeout = timeout // milliseconds
  let lastKey = 0
  let activityReportedAt = clock.now()
  let receivedAt = activityReportedAt
  let cancelTimer: (() => void) | undefined

  const channelRequest = { method: 'GET', url }
  const operationsRequest = { method: 'POST', url: url.replace(/(?=\?|$)/, '/ops') }

  /**
   * Closes the channel. If the server refused it, streams whose identity differs from that of `refusedRequest` may try
   * a new channel.
   */
  const close = (error: StreamError, refusedRequest?: ConnectRequest): void => {
    if (signal.aborted) return
    onClosed()
    controller.abort()
    for (const stream of streams.values()) {
      const hasOtherIdentity =
        refusedRequest && String(identityHeaders(stream.request)) !== String(identityHeaders(refusedRequest))
      // Each stream gets its own copy, because the layers above modify the error.
      stream.finish(hasOtherIdentity ? undefined : new StreamError(error.code, error.message, { ...error }), true)
    }
    cancelTimer?.()
  }
  /**
   * Arms the timer that closes the channel after `idleTimeout` of silence, or after `linger` without streams.
   * Reads do not rearm the timer: when it fires, it checks the time of the last read.
   */
  const armTimer = (hasElapsed?: true): void => {
    const { size } = streams
    const remainingMs = size ? Math.max(receivedAt + idleTimeout - clock.now(), 0) : linger
    cancelTimer?.()
    // Without streams, the error reaches no one.
    if (hasElapsed && !(size && remainingMs)) close(channelError(channelRequest, 'Channel timed out'))
    else if (remainingMs < Infinity) cancelTimer = clock.after(remainingMs, () => armTimer(true))
  }
  const send = async (
    target: typeof channelRequest,
    typeHeader: [string, string],
    overrides?: Partial<ConnectRequest>,
  ): Promise<Connection> => {
    const headers = [...identityHeaders(lastAcceptedRequest), typeHeader]
    return connect({
      ...target,
      headers,
      credentialHeaders: lastAcceptedRequest.credentialHeaders,
      init,
      maxEventSize: MAX_CHANNEL_EVENT_CHARS,
      signal,
      ...overrides,
    })
  }
  const post = async (body: string): Promise<void> => {
    throwIfAborted(signal)
    // Not `AbortSignal.any`, which the Edge Runtime and browsers of 2023 lack.
    const request = new AbortController()
    const removeAbortListener = onAbort(signal, () => request.abort(signal.reason))
    const cancelDeadline = timeout < Infinity ? clock.after(timeout, () => request.abort()) : undefined
    try {
      const response = await send(operationsRequest, ['content-type', 'application/json'], {
        body,
        signal: request.signal,
        // Chromium does not cache preflights of requests with `no-store`, the default of `fetchConnect()`.
        init: { cache: 'default', ...init },
      })
      await response.readText(1_000) // a connection can be reused only after its response was read to the end
      response.cancel()
      // Only 202 means success: a redirect may have led to some page with status 200.
      if (response.status !== 202) throw httpError(response, formatRequestLabel(operationsRequest), 'http')
    } finally {
      cancelDeadline?.()
      removeAbortListener()
    }
  }
  const operations = createOperationQueue(
    post,
    (key) => streams.has(key),
    ({ key }, cause) => {
      const error = channelError(operationsRequest, 'Operation failed', cause)
      const status = (cause as StreamError | undefined)?.status
      // The server does not know the channel, or the channel belongs to a different identity.
      if (status! > 400 && status! < 411) close(error)
      else streams.get(key)?.finish(error)
    },
  )
  const receive = ({ blocks }: Batch): void => {
    for (const block of blocks) {
      const { type, data = '', id = '' } = block
      const keyEnd = findKeyEnd(id)
      const key = id.slice(0, keyEnd)
      const stream = streams.get(key)
      if (keyEnd < 0 && type === 'channel') {
        const { channelId, heartbeat } = JSON.parse(data) as { channelId: string; heartbeat?: number }
        idleTimeout = heartbeat ? 3 * clampDelay(heartbeat) : Infinity
        operations.start(channelId)
        armTimer()
      } else if (!stream) {
        // Events for streams that have been closed may still arrive.
        if (!(parseInt(key) <= lastKey))
          callSafely(onError, channelError(channelRequest, 'Event for unknown stream', undefined, 'invalid-data'))
      } else if (id[keyEnd] === '!') {
        if (stream.handleControlEvent(type, data) === 200) lastAcceptedRequest = stream.request
      } else {
        block.id = id[keyEnd] === '=' ? id.slice(keyEnd + 1) : undefined
        stream.push(block)
      }
    }
    receivedAt = clock.now()
    if (!blocks.length || receivedAt - activityReportedAt >= ACTIVITY_INTERVAL_MS) {
      activityReportedAt = receivedAt
      for (const stream of streams.values()) stream.notifyActivity()
    }
  }
  const run = async (): Promise<void> => {
    let connection: Connection | undefined
    try {
      connection = await send(channelRequest, ['accept', 'text/event-stream'])
      await assertEventStream(connection, { ...channelRequest, canRefresh: firstRequest.canRefresh }, { clock }).catch(
        (error: StreamError) => close(error, firstRequest),
      )
      while (!signal.aborted) {
        const batch = await connection.read()
        if (batch) receive(batch)
        else close(channelError(channelRequest, 'Channel ended'))
      }
    } catch (cause) {
      close(channelError(channelRequest, 'Channel lost', cause))
    } finally {
      connection?.cancel()
    }
  }
  void run()

  return {
    open(request) {
      const { method, headers, lastEventId, body } = request
      const key = String(++lastKey)
      const stream = createChannelStream(request, window, {
        grantCredit: (bytes) => operations.add({ op: 'credit', key, bytes }),
        onClosed(error, isKnownToServer) {
          streams.delete(key)
          if (!isKnownToServer) operations.add({ op: 'close', key })
          // Any byte on the channel restarts the `idleTimeout` of every stream, so if one expires, the channel itself
          // was silent.
          if (isStreamError(error, 'idle')) close(channelError(channelRequest, 'Channel timed out'))
          if (!streams.size) armTimer()
        },
      })
      if (streams.set(key, stream).size < 2) armTimer()
      const path = request.url.replace(/^\w+:\/\/[^/?]*/, '')
      operations.add({ op: 'open', key, method, path, headers, lastEventId, window, ...(body && { body }) })
      return stream.connection
    },
  }
}
