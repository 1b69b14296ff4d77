/** One connection that carries many streams, as PROTOCOL.md section 5 has it. */
import type { Clock } from '../base/clock.ts'
import { StreamError, isStreamError } from '../base/errors.ts'
import type { Batch, Connect, ConnectRequest, Connection } from '../connect/connect.ts'
import { judge } from '../source/judge.ts'
import { clampDelay } from '../source/retry.ts'
import { createWatchdog } from '../source/watchdog.ts'
import { type Answer, type CarriedStream, createCarriedStream } from './carried-stream.ts'
import { createOperations } from './operations.ts'

/** As whom somebody asks for a carrier. */
export type Identity = Pick<ConnectRequest, 'headers' | 'credentials'>

export interface CarrierOptions {
  connect: Connect
  clock: Clock
  /** Bytes that the server may send to a stream before they are read. */
  window: number
  /** Milliseconds for which a carrier without streams stays open. */
  linger: number
  /** Milliseconds that the server has for its answers. */
  timeout: number
  init: RequestInit | undefined
  /** Hears of events that belong to no stream. */
  onError(error: StreamError): void
  /** A reference in an answer as an address. */
  resolve(reference: string): string
}

export interface Carrier {
  /** Opens a stream; `undefined`: the carrier was refused to somebody else, and another one is to be tried. */
  open(request: ConnectRequest, identity: Identity): Promise<Connection | undefined>
}

/** Bytes of one event of any stream; each stream has its own limit beneath it. */
const LARGEST = 0x4000000
/** How often streams without events hear that the carrier is alive (milliseconds). */
const SIGN_OF_LIFE = 100

/** Opens a carrier at `url` as `identity`. `onClosed` is called when no stream can be opened over it any more. */
export function createCarrier(options: CarrierOptions, url: string, identity: Identity, onClosed: () => void): Carrier {
  const { clock, window, linger, timeout, init } = options
  const name = `GET ${url.split('?')[0]}`
  const controller = new AbortController()
  const streams = new Map<string, { stream: CarriedStream; identity: Identity }>()
  let state: 'opening' | 'open' | 'closed' = 'opening'
  let keys = 0
  let toldAt = clock.now()

  const broken = (what: string, cause?: unknown): StreamError =>
    new StreamError('network', `${what}: ${name}`, { cause, retryable: true })

  /** Gives the carrier up. Who is not `refused` tries another one. */
  const close = (error?: StreamError, refused?: Identity): void => {
    if (state === 'closed') return
    state = 'closed'
    cancelTimer()
    watchdog.stop()
    onClosed()
    for (const { stream, identity } of streams.values()) {
      const again = refused && String(identity.headers) !== String(refused.headers)
      // An error of each one's own: those above write into it.
      stream.end(again || !error ? undefined : new StreamError(error.code, error.message, { ...error }))
    }
    streams.clear()
    controller.abort()
  }
  const watchdog = createWatchdog(clock, Infinity, Infinity, (_, ms) => close(broken(`Not a byte for ${ms} ms`)))
  // Until it is open the deadline, later that of a carrier without streams.
  let cancelTimer = clock.after(timeout, () => close(broken(`Nothing within ${timeout} ms`)))

  const ask = (method: string, details: Partial<ConnectRequest>): Promise<Connection> => {
    const { headers, credentials } = identity
    const type: [string, string] = method === 'GET' ? ['accept', 'text/event-stream'] : ['content-type', 'application/json']
    const request = { url, method, credentials, init, maxEventSize: LARGEST, signal: controller.signal }
    return options.connect({ ...request, ...details, headers: [...headers, type] })
  }
  const post = async (body: string): Promise<void> => {
    const deadline = new AbortController()
    const { signal } = deadline
    const abort = (): void => deadline.abort()
    const cancelDeadline = clock.after(timeout, abort)
    controller.signal.addEventListener('abort', abort)
    try {
      // Chromium does not keep preflights of `no-store`, which is the default.
      const request = { url: url.replace(/(?=\?|$)/, '/ops'), body, signal, init: { cache: 'default', ...init } as const }
      const answer = await ask('POST', request)
      const { status } = answer
      await answer.problem(1_000) // read to its end, its connection can be used again
      answer.cancel()
      if ([401, 403, 404, 410].includes(status)) close(broken(`Status ${status} for operations`))
      else if (status > 299) throw status
    } finally {
      cancelDeadline()
      controller.signal.removeEventListener('abort', abort)
    }
  }
  const operations = createOperations(post, ({ key }) => fail(key, 'Operations lost'))

  const remove = (key: string): void => {
    streams.delete(key)
    if (streams.size) return
    if (state === 'opening') close()
    else if (state === 'open') cancelTimer = clock.after(linger, () => close())
  }
  /** The server is told that nobody wants this stream. */
  const leave = (key: string, reason?: unknown): void => {
    if (!operations.withdraw(key)) operations.add({ op: 'close', key })
    remove(key)
    // Its comments would have been heard by the stream.
    if (isStreamError(reason, 'idle')) close(broken('Silent'))
  }
  const fail = (key: string, what: string, cause?: unknown): void => {
    const entry = streams.get(key)
    if (!entry) return
    entry.stream.end(broken(what, cause))
    leave(key)
  }

  const begin = (data: string): void => {
    try {
      const { channelId, heartbeat } = JSON.parse(data) as { channelId: string; heartbeat?: number }
      if (heartbeat) watchdog.setIdleTimeout(3 * clampDelay(heartbeat))
      state = 'open'
      cancelTimer()
      operations.begin(channelId)
    } catch (cause) {
      close(broken('Malformed channel', cause))
    }
  }
  const control = (key: string, type: string, data: string): void => {
    const { stream, identity: theirs } = streams.get(key)!
    try {
      const { delay, ...answer } = JSON.parse(data) as Answer & { delay: number }
      if (type === 'retry' && delay >= 0) stream.retry(delay)
      else if (type === 'open' && answer.status > 99) {
        stream.open({ ...answer, url: options.resolve(answer.url ?? '') })
        // Of the same subject, and newer.
        if (answer.status === 200) identity = theirs
      } else if (type === 'close' && answer.status > 99) {
        stream.close(answer)
        remove(key)
      } else throw new TypeError(type)
    } catch (cause) {
      fail(key, 'Malformed control event', cause)
    }
  }
  const receive = ({ blocks }: Batch): void => {
    const touched = new Set<CarriedStream>()
    for (const block of blocks) {
      const { type, data = '', id = '' } = block
      const end = id.search(/[=+!]/)
      const key = id.slice(0, end)
      const entry = streams.get(key)
      if (end < 0 && type === 'channel') begin(data)
      else if (!entry) {
        // What comes for a stream that has just been left is not news.
        const ours = end > 0 && parseInt(key, 36) <= keys
        if (!ours) options.onError(new StreamError('invalid-data', `An event of no stream: ${name}`))
      } else {
        touched.add(entry.stream)
        if (id[end] === '!') control(key, type, data)
        else entry.stream.push(Object.assign(block, { id: id[end] === '=' ? id.slice(end + 1) : undefined }))
      }
    }
    const now = clock.now()
    const due = !blocks.length || now - toldAt >= SIGN_OF_LIFE
    if (due) toldAt = now
    for (const { stream } of streams.values()) if (due) touched.add(stream)
    for (const stream of touched) stream.flush(due)
  }

  const run = async (): Promise<void> => {
    let connection: Connection | undefined
    try {
      connection = await ask('GET', {})
      const opener = identity
      try {
        await judge(connection, { clock, name, auth: opener.credentials[0] })
      } catch (refusal) {
        return close(refusal as StreamError, opener)
      }
      while (state !== 'closed') {
        watchdog.reading()
        const batch = await connection.read()
        watchdog.read(true)
        if (!batch) return close(broken('Ended'))
        receive(batch)
      }
    } catch (cause) {
      close(broken('Lost', cause))
    } finally {
      connection?.cancel()
    }
  }
  void run()

  return {
    open(request, identity) {
      const { method, headers, body, lastEventId } = request
      const key = (++keys).toString(36)
      if (!streams.size && state === 'open') cancelTimer()
      const stream = createCarriedStream(request, window, {
        credit: (bytes) => operations.add({ op: 'credit', key, bytes }),
        leave: (reason) => leave(key, reason),
      })
      streams.set(key, { stream, identity })
      const path = request.url.replace(/^\w+:\/\/[^/?]*/, '')
      operations.add({ op: 'open', key, method, path, headers, body, lastEventId, window })
      return stream.connection
    },
  }
}
