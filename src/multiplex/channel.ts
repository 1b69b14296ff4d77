/** One connection that carries many streams, as PROTOCOL.md section 5 has it. */
import { type Clock, systemClock } from '../base/clock.ts'
import { StreamError, isStreamError } from '../base/errors.ts'
import { formatRequestLabel } from '../base/request-label.ts'
import { callSafely, reportUncaughtError } from '../base/report-error.ts'
import type { Batch, Connect, ConnectRequest, Connection } from '../connect/connect.ts'
import { assertEventStream, httpError } from '../source/check-response.ts'
import { clampDelay } from '../source/retry.ts'
import { type ChannelStream, createChannelStream } from './channel-stream.ts'
import { channelError } from './channel-error.ts'
import { createOperationQueue } from './operations.ts'

/** How streams share a connection. */
export interface MultiplexOptions {
  /** Makes the carrier, the requests for its operations, and connections for what can't be carried. @defaultValue `fetchConnect()` */
  connect?: Connect
  /** What only `fetch` understands, for the carrier and its operations. A stream that asks `fetch` for anything else is not carried. */
  init?: RequestInit
  /** Bytes that the server may send to a stream before they are read. @defaultValue 256 KiB */
  window?: number
  /** Milliseconds for which the carrier stays open after its last stream. @defaultValue 1,000 */
  linger?: number
  /** Milliseconds that the server has to open the carrier, and to take operations. @defaultValue 10,000 */
  timeout?: number
  /** Time. @defaultValue the platform's */
  clock?: Clock
  /** Hears of events on the carrier that belong to no stream, `invalid-data`. @defaultValue `reportError` */
  onError?(error: StreamError): void
}

export interface Channel {
  /** Opens a stream; `undefined`: the carrier was refused to somebody else, and another one is to be tried. */
  open(request: ConnectRequest): Promise<Connection | undefined>
}

/** Bytes of one event of any stream; each stream has its own limit beneath it. */
const MAX_CHANNEL_EVENT_CHARS = 0x4000000
/** How often streams without events hear that the carrier is alive (milliseconds). */
const ACTIVITY_INTERVAL_MS = 100

/** What a request says of who asks: all but what is about its own content. */
const identityHeaders = ({ headers }: ConnectRequest): ConnectRequest['headers'] =>
  headers.filter(([name]) => !/^(accept|content-|idempotency-)/.test(name))

/** Opens a carrier at `url` as whoever asks for `opener`. `onClosed` is called when no stream can be opened over it any more. */
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
  const { signal } = controller // aborted: it is closed
  let lastAcceptedRequest = firstRequest // of those who were let in
  let idleTimeout = timeout // with silence, in milliseconds
  let lastKey = 0
  let activityReportedAt = clock.now()
  let receivedAt = activityReportedAt
  let cancelTimer: (() => void) | undefined

  const channelRequest = { method: 'GET', url }
  const operationsRequest = { method: 'POST', url: url.replace(/(?=\?|$)/, '/ops') }

  /** Gives the carrier up; whoever is not as `unwanted` may try another one. */
  const close = (error: StreamError, refusedRequest?: ConnectRequest): void => {
    if (signal.aborted) return
    onClosed()
    controller.abort()
    for (const stream of streams.values()) {
      const hasOtherIdentity =
        refusedRequest && String(identityHeaders(stream.request)) !== String(identityHeaders(refusedRequest))
      // An error of each one's own: those above write into it.
      stream.finish(hasOtherIdentity ? undefined : new StreamError(error.code, error.message, { ...error }), true)
    }
    cancelTimer?.()
  }
  /** Waits for a sign of life, whoever comes and goes, and for company when it has no streams. Looks at the time: signs are many. */
  const armTimer = (hasElapsed?: true): void => {
    const { size } = streams
    const remainingMs = size ? Math.max(receivedAt + idleTimeout - clock.now(), 0) : linger
    cancelTimer?.()
    // Without streams nobody hears of it.
    if (hasElapsed && !(size && remainingMs)) close(channelError(channelRequest, 'Silent'))
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
    const deadline = new AbortController()
    const cancelDeadline = clock.after(timeout, () => deadline.abort())
    try {
      const response = await send(operationsRequest, ['content-type', 'application/json'], {
        body,
        signal: AbortSignal.any([signal, deadline.signal]),
        // Chromium does not keep preflights of `no-store`, which is the default.
        init: { cache: 'default', ...init },
      })
      await response.readText(1_000) // read to its end, its connection can be used again
      response.cancel()
      // A redirect may have led to a page: that is not what was asked for.
      if (response.status !== 202) throw httpError(response, formatRequestLabel('POST', operationsRequest.url), 'http')
    } finally {
      cancelDeadline()
    }
  }
  const operations = createOperationQueue(
    post,
    (key) => streams.has(key),
    ({ key }, cause) => {
      const error = channelError(operationsRequest, 'Lost', cause)
      const status = (cause as StreamError | undefined)?.status
      // Not known, or not as ours.
      if (status! > 400 && status! < 411) close(error)
      else streams.get(key)?.finish(error)
    },
  )
  const receive = ({ blocks }: Batch): void => {
    for (const block of blocks) {
      const { type, data = '', id = '' } = block
      const keyEnd = id.search(/[=+!]/)
      const key = id.slice(0, keyEnd)
      const stream = streams.get(key)
      if (keyEnd < 0 && type === 'channel') {
        const { channelId, heartbeat } = JSON.parse(data) as { channelId: string; heartbeat?: number }
        idleTimeout = heartbeat ? 3 * clampDelay(heartbeat) : Infinity
        operations.start(channelId)
        armTimer()
      } else if (!stream) {
        // What comes for a stream that was left is not news.
        if (!(parseInt(key) <= lastKey))
          callSafely(onError, channelError(channelRequest, 'Foreign event', undefined, 'invalid-data'))
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
      await assertEventStream(connection, {
        clock,
        label: formatRequestLabel('GET', url),
        auth: firstRequest.credentialHeaders[0],
      }).catch((error: StreamError) => close(error, firstRequest))
      while (!signal.aborted) {
        const batch = await connection.read()
        if (batch) receive(batch)
        else close(channelError(channelRequest, 'Lost'))
      }
    } catch (cause) {
      close(channelError(channelRequest, 'Lost', cause))
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
          // It would have heard of comments.
          if (isStreamError(error, 'idle')) close(channelError(channelRequest, 'Silent'))
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
