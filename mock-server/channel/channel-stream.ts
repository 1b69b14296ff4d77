/** One stream on a channel: an answer, re-framed under its key, at the pace of its credit (PROTOCOL.md 5.3, 5.4). */
import type { HttpResponse, DroppedConnection } from '../http/response.ts'
import { problemResponse } from '../http/problem.ts'
import { createBlockParser } from '../../src/sse/parse.ts'
import type { Frame } from '../stream/frame.ts'
import type { StreamBody } from '../stream/stream-body.ts'

/** A stream of a channel. It holds what one write of its source brought, and asks for the next when that is gone. */
export interface ChannelStream {
  readonly key: string
  /** - `waiting`: for its source, or for credit - `ready`: `take` has something - `over`: its `close` was taken, or it was closed */
  readonly state: 'waiting' | 'ready' | 'closed'
  /** The next frame. */
  take(): Frame | undefined
  /** Its consumer has drained so many bytes. */
  credit(bytes: number): void
  /** Lets go of it; nothing more comes. */
  close(): void
}

/** What a stream is made of. */
export interface ChannelStreamOptions {
  readonly key: string
  /** What `open` says: a URL reference. */
  readonly url: string
  /** Bytes that may be under way. */
  readonly window: number
  /** Asks for the answer; whoever is gone aborts `signal`. Does not reject. */
  fetchResponse(signal: AbortSignal): Promise<HttpResponse | DroppedConnection>
  /** Called when `state` became `ready`. */
  onReady(): void
}

const CUT_DETAIL = 'The connection was cut.'
/** What an event counts beside its data, so that a million empty ones count as well. */
const EVENT_OVERHEAD_BYTES = 32
/** Bytes of a refusal's body that are handed on. */
const MAX_PROBLEM_BYTES = 16 * 1024
/** They concern the connection, which is not the stream's. */
const CONNECTION_HEADERS = /^(access-control-|vary$|connection$|content-length$|content-encoding$)/

/** What a body says, as far as it is handed on. */
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

/** Makes a stream and asks for its answer. */
export function createChannelStream({ key, url, window, fetchResponse, onReady }: ChannelStreamOptions): ChannelStream {
  const abortController = new AbortController()
  let phase: 'open' | 'closing' | 'closed' = 'open'
  let credit = window
  /** Frames with what each costs. */
  let queue: { readonly frame: Frame; readonly cost: number }[] = []
  let takenCount = 0
  let onDrained: (() => void) | undefined

  const hasFrame = (): boolean => takenCount < queue.length && (queue[takenCount]!.cost === 0 || credit > 0)
  const queueControl = (type: string, value: unknown): void => {
    queue.push({ frame: { type, data: JSON.stringify(value), id: `${key}!` }, cost: 0 })
  }
  /** The last word. */
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
  /** Settles when what was read is gone, and more may come. */
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
      // A parser takes it, a writer refuses it (PROTOCOL.md 1.2).
      if (type.includes('\0')) return fail(502, 'An event has a name that cannot be handed on.')
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
  /** What the source was dropped with never comes, as on a connection of its own. */
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
    fail(500, 'The mock server has a fault.')
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
