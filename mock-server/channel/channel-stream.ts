/** One stream on a channel: an answer, re-framed under its key, at the pace of its credit (PROTOCOL.md 5.3, 5.4). */
import type { Answer, NoAnswer } from '../http/response.ts'
import { problem } from '../http/problem.ts'
import { createParser } from '../../src/sse/parse.ts'
import type { Frame } from '../stream/frame.ts'
import type { Body } from '../stream/stream-body.ts'

/** A stream of a channel. It holds what one write of its source brought, and asks for the next when that is gone. */
export interface CarriedStream {
  readonly key: string
  /** - `waiting`: for its source, or for credit - `ready`: `take` has something - `over`: its `close` was taken, or it was closed */
  readonly state: 'waiting' | 'ready' | 'over'
  /** The next frame. */
  take(): Frame | undefined
  /** Its consumer has drained so many bytes. */
  credit(bytes: number): void
  /** Lets go of it; nothing more comes. */
  close(): void
}

/** What a stream is made of. */
export interface CarriedOptions {
  readonly key: string
  /** What `open` says: a URL reference. */
  readonly url: string
  /** Bytes that may be under way. */
  readonly window: number
  /** Asks for the answer; whoever is gone aborts `signal`. Does not reject. */
  ask(signal: AbortSignal): Promise<Answer | NoAnswer>
  /** Called when `state` became `ready`. */
  onReady(): void
}

const CUT = 'The connection was cut.'
/** What an event counts beside its data, so that a million empty ones count as well. */
const OVERHEAD = 32
/** Bytes of a refusal's body that are handed on. */
const PROBLEM_LIMIT = 16 * 1024
/** They concern the connection, which is not the stream's. */
const OF_THE_CONNECTION = /^(access-control-|vary$|connection$|content-length$|content-encoding$)/

/** What a body says, as far as it is handed on. */
async function textOf(body: Answer['body']): Promise<string> {
  if (typeof body !== 'object') return body ?? ''
  const decoder = new TextDecoder()
  let text = ''
  for await (const { bytes, cut } of body.chunks) {
    text += decoder.decode(bytes.subarray(0, PROBLEM_LIMIT - text.length), { stream: true })
    if (cut || text.length >= PROBLEM_LIMIT) break
  }
  return text
}

/** Makes a stream and asks for its answer. */
export function createCarriedStream({ key, url, window, ask, onReady }: CarriedOptions): CarriedStream {
  const gone = new AbortController()
  let life: 'open' | 'closing' | 'over' = 'open'
  let credit = window
  /** Frames with what each costs. */
  let queue: { readonly frame: Frame; readonly cost: number }[] = []
  let taken = 0
  let onDrained: (() => void) | undefined

  const has = (): boolean => taken < queue.length && (queue[taken]!.cost === 0 || credit > 0)
  const control = (type: string, value: unknown): void => {
    queue.push({ frame: { type, data: JSON.stringify(value), id: `${key}!` }, cost: 0 })
  }
  /** The last word. */
  const finish = (status: number, text?: string): void => {
    if (life !== 'open') return
    life = 'closing'
    control('close', { status, ...(text ? { problem: text } : {}) })
    gone.abort()
    onDrained?.()
    onReady()
  }
  const fail = (status: number, detail: string): void => finish(status, problem(status, detail).body as string)
  const isDrained = (): boolean => life !== 'open' || (taken === queue.length && credit > 0)
  /** Settles when what was read is gone, and more may come. */
  const drained = (): Promise<void> =>
    new Promise((resolve) => {
      onDrained = () => {
        if (!isDrained()) return
        onDrained = undefined
        resolve()
      }
      onDrained()
    })

  const parser = createParser({
    onBlock({ type, data, id }) {
      if (life !== 'open') return
      // A parser takes it, a writer refuses it (PROTOCOL.md 1.2).
      if (type.includes('\0')) return fail(502, 'An event has a name that cannot be handed on.')
      const own = id === undefined ? `${key}+` : `${key}=${id}`
      const frame: Frame = data === undefined ? { id: own } : { type, data, id: own }
      queue.push({ frame, cost: new TextEncoder().encode(data).length + OVERHEAD })
    },
    onRetry: (ms) => control('retry', { delay: Math.min(ms, Number.MAX_SAFE_INTEGER) }),
  })
  const read = (bytes: Uint8Array): void => {
    try {
      parser.push(bytes)
    } catch {
      return fail(413, 'An event is too large.')
    }
    if (has()) onReady()
  }
  /** What the source was dropped with never comes, as on a connection of its own. */
  const drop = (): void => {
    if (life !== 'open') return
    queue = []
    taken = 0
    fail(502, CUT)
  }

  const readAll = async ({ chunks, lost, ending }: Body): Promise<void> => {
    lost?.addEventListener('abort', drop, { once: true })
    while (life === 'open') {
      const { value } = await chunks.next()
      if (life !== 'open') break
      if (!value) {
        if (ending?.() === 'expired') fail(401, 'The token has expired.')
        else finish(200)
        break
      }
      if (value.bytes.length > 0) read(value.bytes)
      if (value.cut) fail(502, CUT)
      await drained()
    }
    lost?.removeEventListener('abort', drop)
    await chunks.return()
  }
  const begin = async (): Promise<void> => {
    const answer = await ask(gone.signal)
    if (life !== 'open') return
    if ('cut' in answer) return fail(502, CUT)
    const { status, body } = answer
    const headers = Object.fromEntries([...answer.headers].filter(([name]) => !OF_THE_CONNECTION.test(name)))
    control('open', { status, headers, url })
    onReady()
    if (status === 200 && typeof body === 'object') return readAll(body)
    finish(status, await textOf(body))
  }

  begin().catch((error: unknown) => {
    console.error(error)
    fail(500, 'The mock server has a fault.')
  })

  return {
    key,
    get state() {
      return life === 'over' ? 'over' : has() ? 'ready' : 'waiting'
    },
    take() {
      if (life === 'over' || !has()) return undefined
      const { frame, cost } = queue[taken++]!
      credit -= cost
      if (taken === queue.length) {
        queue = []
        taken = 0
        if (life === 'closing') life = 'over'
        onDrained?.()
      }
      return frame
    },
    credit(bytes) {
      const waited = life !== 'over' && !has()
      credit = Math.min(credit + bytes, window)
      onDrained?.()
      if (waited && has()) onReady()
    },
    close() {
      life = 'over'
      queue = []
      gone.abort()
      onDrained?.()
    },
  }
}
