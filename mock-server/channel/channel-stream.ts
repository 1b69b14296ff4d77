/** A channel stream: re-frames a response under the stream's key, as its credit allows (PROTOCOL.md 5.3, 5.4). */
import { createBlockParser } from '../../src/sse/parse.ts'
import { problemResponse } from '../http/problem.ts'
import type { HttpResponse, DroppedConnection } from '../http/response.ts'
import type { Frame } from '../stream/frame.ts'
import type { StreamBody } from '../stream/stream-body.ts'

/** A stream of a channel. Holds the events of one write, and reads the next write once they have been taken. */
export interface ChannelStream {
  readonly key: string
  /**
   * - `waiting`: waits for its source or for credit
   * - `ready`: `take` returns a frame
   * - `closed`: its `close` event was taken, or `close()` was called
   */
  readonly state: 'waiting' | 'ready' | 'closed'
  /** Returns the next frame, or `undefined` if none is ready. */
  take(): Frame | undefined
  /** Adds credit for bytes that the consumer has drained. */
  credit(bytes: number): void
  /** Closes the stream at once, without another frame. */
  close(): void
}

/** Options of `createChannelStream`. */
export interface ChannelStreamOptions {
  readonly key: string
  /** URL reference to report in `open`. */
  readonly url: string
  /** Maximum number of bytes in flight. */
  readonly window: number
  /** Fetches the response; `signal` aborts when the stream ends. Does not reject. */
  fetchResponse(signal: AbortSignal): Promise<HttpResponse | DroppedConnection>
  /** Called when `state` becomes `ready`. */
  onReady(): void
}

const CUT_DETAIL = 'The connection was cut.'
/** Credit that an event costs in addition to its data, so that empty events cost something too. */
const EVENT_OVERHEAD_BYTES = 32
/** Maximum number of bytes forwarded from the body of an error response. */
const MAX_PROBLEM_BYTES = 16 * 1024
/** Headers that belong to the connection, not to the stream. */
const CONNECTION_HEADERS = /^(access-control-|vary$|connection$|content-length$|content-encoding$)/

/** Reads the text of a body, up to `MAX_PROBLEM_BYTES`. */
async function readText(body: HttpResponse['body']): Promise<string> {
  if (typeof body !== 'object') return body ?? ''
  const decoder = new TextDecoder()
  let text = ''
  for await (const { bytes, cut } of body.chunks) {
    text += decoder.decode(bytes.subarray(0, MAX_PROBLEM_BYTES - text.length), { stream: true })
    if (cut || text.length >= MAX_PROBLEM_BYTES) break
  }
  return text
}

/** Creates a stream and fetches its response. */
export function createChannelStream({ key, url, window, fetchResponse, onReady }: ChannelStreamOptions): ChannelStream {
  const abortController = new AbortController()
  let phase: 'open' | 'closing' | 'closed' = 'open'
  let credit = window
  /** Frames, each with the credit that it costs. */
  let queue: { readonly frame: Frame; readonly cost: number }[] = []
  let takenCount = 0
  let onDrained: (() => void) | undefined

  const hasFrame = (): boolean => takenCount < queue.length && (queue[takenCount]!.cost === 0 || credit > 0)
  const queueControl = (type: string, value: unknown): void => {
    queue.push({ frame: { type, data: JSON.stringify(value), id: `${key}!` }, cost: 0 })
  }
  /** Queues the `close` event, after which the stream ends. */
  const finish = (status: number, text?: string): void => {
    if (phase !== 'open') return
    phase = 'closing'
    queueControl('close', { status, ...(text ? { problem: text } : {}) })
    abortController.abort()
    onDrained?.()
    onReady()
  }
  const fail = (status: number, detail: string): void => finish(status, problemResponse(status, detail).body as string)
  const isDrained = (): boolean => phase !== 'open' || (takenCount === queue.length && credit > 0)
  /** Resolves when the queue is empty and credit is left, or when the stream ends. */
  const waitUntilDrained = (): Promise<void> =>
    new Promise((resolve) => {
      onDrained = () => {
        if (!isDrained()) return
        onDrained = undefined
        resolve()
      }
      onDrained()
    })

  const parser = createBlockParser({
    onBlock({ type, data, id }) {
      if (phase !== 'open') return
      // Parsers accept NUL in an event name, but writers reject it (PROTOCOL.md 1.2).
      if (type.includes('\0')) return fail(502, 'The name of an event contains NUL and cannot be forwarded.')
      const channelEventId = id === undefined ? `${key}+` : `${key}=${id}`
      const frame: Frame = data === undefined ? { id: channelEventId } : { type, data, id: channelEventId }
      queue.push({ frame, cost: new TextEncoder().encode(data).length + EVENT_OVERHEAD_BYTES })
    },
    onRetry: (ms) => queueControl('retry', { delay: Math.min(ms, Number.MAX_SAFE_INTEGER) }),
  })
  const parseBytes = (bytes: Uint8Array): void => {
    try {
      parser.push(bytes)
    } catch {
      return fail(413, 'An event is too large.')
    }
    if (hasFrame()) onReady()
  }
  /** Discards the queue, as a dropped connection would, and ends the stream. */
  const drop = (): void => {
    if (phase !== 'open') return
    queue = []
    takenCount = 0
    fail(502, CUT_DETAIL)
  }

  const readAll = async ({ chunks, connectionCut, endReason }: StreamBody): Promise<void> => {
    connectionCut?.addEventListener('abort', drop, { once: true })
    while (phase === 'open') {
      const { value } = await chunks.next()
      if (phase !== 'open') break
      if (!value) {
        if (endReason?.() === 'expired') fail(401, 'The token has expired.')
        else finish(200)
        break
      }
      if (value.bytes.length > 0) parseBytes(value.bytes)
      if (value.cut) fail(502, CUT_DETAIL)
      await waitUntilDrained()
    }
    connectionCut?.removeEventListener('abort', drop)
    await chunks.return()
  }
  const start = async (): Promise<void> => {
    const response = await fetchResponse(abortController.signal)
    if (phase !== 'open') return
    if ('cut' in response) return fail(502, CUT_DETAIL)
    const { status, body } = response
    const headers = Object.fromEntries([...response.headers].filter(([name]) => !CONNECTION_HEADERS.test(name)))
    queueControl('open', { status, headers, url })
    onReady()
    if (status === 200 && typeof body === 'object') return readAll(body)
    finish(status, await readText(body))
  }

  start().catch((error: unknown) => {
    console.error(error)
    fail(500, 'Internal error in the mock server; see its console for details.')
  })

  return {
    key,
    get state() {
      return phase === 'closed' ? 'closed' : hasFrame() ? 'ready' : 'waiting'
    },
    take() {
      if (phase === 'closed' || !hasFrame()) return undefined
      const { frame, cost } = queue[takenCount++]!
      credit -= cost
      if (takenCount === queue.length) {
        queue = []
        takenCount = 0
        if (phase === 'closing') phase = 'closed'
        onDrained?.()
      }
      return frame
    },
    credit(bytes) {
      const wasWaiting = phase !== 'closed' && !hasFrame()
      credit = Math.min(credit + bytes, window)
      onDrained?.()
      if (wasWaiting && hasFrame()) onReady()
    },
    close() {
      phase = 'closed'
      queue = []
      abortController.abort()
      onDrained?.()
    },
  }
}
