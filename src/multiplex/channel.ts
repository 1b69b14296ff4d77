/** One connection that carries many streams, as PROTOCOL.md section 5 has it. */
import { type Clock, systemClock } from '../base/clock.ts'
import { StreamError, isStreamError } from '../base/errors.ts'
import { nameRequest } from '../base/request-label.ts'
import { guard, report } from '../base/report-error.ts'
import type { Batch, Connect, ConnectRequest, Connection } from '../connect/connect.ts'
import { judge, refused } from '../source/check-response.ts'
import { clampDelay } from '../source/retry.ts'
import { type CarriedStream, createCarriedStream } from './channel-stream.ts'
import { failure } from './channel-error.ts'
import { createOperations } from './operations.ts'

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

export interface Carrier {
  /** Opens a stream; `undefined`: the carrier was refused to somebody else, and another one is to be tried. */
  open(request: ConnectRequest): Promise<Connection | undefined>
}

/** Bytes of one event of any stream; each stream has its own limit beneath it. */
const LARGEST = 0x4000000
/** How often streams without events hear that the carrier is alive (milliseconds). */
const SIGN_OF_LIFE = 100

/** What a request says of who asks: all but what is about its own content. */
const identityOf = ({ headers }: ConnectRequest): ConnectRequest['headers'] =>
  headers.filter(([name]) => !/^(accept|content-|idempotency-)/.test(name))

/** Opens a carrier at `url` as whoever asks for `opener`. `onClosed` is called when no stream can be opened over it any more. */
export function createCarrier(
  {
    window = 0x40000,
    linger = 1_000,
    timeout = 10_000,
    clock = systemClock,
    init,
    onError = report,
    connect,
  }: MultiplexOptions & { connect: Connect },
  url: string,
  opener: ConnectRequest,
  onClosed: () => void,
): Carrier {
  const streams = new Map<string, CarriedStream>()
  const controller = new AbortController()
  const { signal } = controller // aborted: it is closed
  let newest = opener // of those who were let in
  let patience = timeout // with silence, in milliseconds
  let keys = 0
  let toldAt = clock.now()
  let heardAt = toldAt
  let cancelTimer: (() => void) | undefined

  const asked = { method: 'GET', url }
  const told = { method: 'POST', url: url.replace(/(?=\?|$)/, '/ops') }

  /** Gives the carrier up; whoever is not as `unwanted` may try another one. */
  const close = (error: StreamError, unwanted?: ConnectRequest): void => {
    if (signal.aborted) return
    onClosed()
    controller.abort()
    for (const stream of streams.values()) {
      const again = unwanted && String(identityOf(stream.request)) !== String(identityOf(unwanted))
      // An error of each one's own: those above write into it.
      stream.end(again ? undefined : new StreamError(error.code, error.message, { ...error }), true)
    }
    cancelTimer?.()
  }
  /** Waits for a sign of life, whoever comes and goes, and for company when it has no streams. Looks at the time: signs are many. */
  const watch = (isDue?: true): void => {
    const { size } = streams
    const left = size ? Math.max(heardAt + patience - clock.now(), 0) : linger
    cancelTimer?.()
    // Without streams nobody hears of it.
    if (isDue && !(size && left)) close(failure(asked, 'Silent'))
    else if (left < Infinity) cancelTimer = clock.after(left, () => watch(true))
  }
  const ask = async (
    what: typeof asked,
    type: [string, string],
    more?: Partial<ConnectRequest>,
  ): Promise<Connection> => {
    const headers = [...identityOf(newest), type]
    return connect({ ...what, headers, credentials: newest.credentials, init, maxEventSize: LARGEST, signal, ...more })
  }
  const post = async (body: string): Promise<void> => {
    const deadline = new AbortController()
    const cancelDeadline = clock.after(timeout, () => deadline.abort())
    try {
      const answer = await ask(told, ['content-type', 'application/json'], {
        body,
        signal: AbortSignal.any([signal, deadline.signal]),
        // Chromium does not keep preflights of `no-store`, which is the default.
        init: { cache: 'default', ...init },
      })
      await answer.problem(1_000) // read to its end, its connection can be used again
      answer.cancel()
      // A redirect may have led to a page: that is not what was asked for.
      if (answer.status !== 202) throw refused(answer, nameRequest('POST', told.url), 'http')
    } finally {
      cancelDeadline()
    }
  }
  const operations = createOperations(
    post,
    (key) => streams.has(key),
    ({ key }, cause) => {
      const error = failure(told, 'Lost', cause)
      const status = (cause as StreamError | undefined)?.status
      // Not known, or not as ours.
      if (status! > 400 && status! < 411) close(error)
      else streams.get(key)?.end(error)
    },
  )
  const receive = ({ blocks }: Batch): void => {
    for (const block of blocks) {
      const { type, data = '', id = '' } = block
      const end = id.search(/[=+!]/)
      const key = id.slice(0, end)
      const stream = streams.get(key)
      if (end < 0 && type === 'channel') {
        const { channelId, heartbeat } = JSON.parse(data) as { channelId: string; heartbeat?: number }
        patience = heartbeat ? 3 * clampDelay(heartbeat) : Infinity
        operations.begin(channelId)
        watch()
      } else if (!stream) {
        // What comes for a stream that was left is not news.
        if (!(parseInt(key) <= keys)) guard(onError, failure(asked, 'Foreign event', undefined, 'invalid-data'))
      } else if (id[end] === '!') {
        if (stream.control(type, data) === 200) newest = stream.request
      } else {
        block.id = id[end] === '=' ? id.slice(end + 1) : undefined
        stream.push(block)
      }
    }
    heardAt = clock.now()
    if (!blocks.length || heardAt - toldAt >= SIGN_OF_LIFE) {
      toldAt = heardAt
      for (const stream of streams.values()) stream.alive()
    }
  }
  const run = async (): Promise<void> => {
    let connection: Connection | undefined
    try {
      connection = await ask(asked, ['accept', 'text/event-stream'])
      await judge(connection, { clock, name: nameRequest('GET', url), auth: opener.credentials[0] }).catch(
        (error: StreamError) => close(error, opener),
      )
      while (!signal.aborted) {
        const batch = await connection.read()
        if (batch) receive(batch)
        else close(failure(asked, 'Lost'))
      }
    } catch (cause) {
      close(failure(asked, 'Lost', cause))
    } finally {
      connection?.cancel()
    }
  }
  void run()

  return {
    open(request) {
      const { method, headers, lastEventId, body } = request
      const key = String(++keys)
      const stream = createCarriedStream(request, window, {
        credit: (bytes) => operations.add({ op: 'credit', key, bytes }),
        leave(error, known) {
          streams.delete(key)
          if (!known) operations.add({ op: 'close', key })
          // It would have heard of comments.
          if (isStreamError(error, 'idle')) close(failure(asked, 'Silent'))
          if (!streams.size) watch()
        },
      })
      if (streams.set(key, stream).size < 2) watch()
      const path = request.url.replace(/^\w+:\/\/[^/?]*/, '')
      operations.add({ op: 'open', key, method, path, headers, lastEventId, window, ...(body && { body }) })
      return stream.connection
    },
  }
}
