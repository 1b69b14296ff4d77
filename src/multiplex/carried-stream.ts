/** One stream of a carrier, as the `Connection` that its owner sees. */
import { StreamError } from '../base/errors.ts'
import type { Batch, ConnectRequest, Connection } from '../connect/connect.ts'
import type { Block } from '../wire/parse.ts'

/** What a server says of a stream when it begins, and when it is over. */
export interface Answer {
  status: number
  headers?: HeadersInit
  url?: string
  /** Its body, where it is no event stream. */
  problem?: string
}

/** What a stream asks of its carrier. */
export interface Owner {
  /** The server may send so many more bytes. */
  credit(bytes: number): void
  /** Nobody wants the stream any more; `reason`: of its signal. */
  leave(reason?: unknown): void
}

export interface CarriedStream {
  /** `undefined`: the carrier was refused to somebody else, so that the stream needs another one. */
  readonly connection: Promise<Connection | undefined>
  /** Its answer. @throws TypeError on headers that are none */
  open(answer: Answer): void
  /** One event, as it was in the stream. */
  push(block: Block): void
  /** Its reconnection time. */
  retry(delay: number): void
  /** Its end, by the server's word. */
  close(answer: Answer): void
  /** Its end otherwise: what came is still read, and then the error. */
  end(error?: unknown): void
  /** All of one read of the carrier is in; `alive`: whoever waits is to hear of it, even if nothing came for him. */
  flush(alive: boolean): void
}

/** Bytes that are read at once. */
const SLICE = 16_384
/** What an event counts beside its data (PROTOCOL.md, 5.4), so that the number of empty ones is bounded, too. */
const OVERHEAD = 32

/** Bytes of `text` in UTF-8. */
function count(text = ''): number {
  let bytes = text.length
  for (let i = text.length; i--; ) {
    const code = text.charCodeAt(i)
    // Each half of a surrogate pair is two of its four bytes.
    if (code > 0x7f) bytes += code < 0x800 || code >> 11 === 0x1b ? 1 : 2
  }
  return bytes
}

/** Makes a stream of which the server may send `window` bytes before somebody reads them. */
export function createCarriedStream({ url: asked, method, maxEventSize, signal }: ConnectRequest, window: number, owner: Owner): CarriedStream {
  let state: 'opening' | 'open' | 'closed' = 'opening'
  let resolve!: (connection?: Connection) => void
  let reject!: (reason: unknown) => void
  const connection = new Promise<Connection | undefined>((...settlers) => ([resolve, reject] = settlers))
  let batches: Batch[] = []
  let credit = window // what the server has left
  let read = 0 // bytes that it was given no credit for yet
  let retry: number | undefined
  let outcome: { error?: unknown } = {}
  let status: number
  let problem = ''
  let reading: { resolve(batch: Batch | null): void; reject(error: unknown): void } | undefined

  const broken = (what: string, cause?: unknown): StreamError =>
    new StreamError('network', `${what}: ${method} ${asked.split('?')[0]}`, { cause, retryable: true })

  const flush = (alive = false): void => {
    if (!reading) return
    let batch = batches.shift()
    if (batch) {
      read += batch.bytes
      if (state === 'open' && read >= window / 2) {
        credit += read
        owner.credit(read)
        read = 0
      }
    } else if (state === 'closed') {
      if ('error' in outcome) reading.reject(outcome.error)
      else reading.resolve(null)
      reading = undefined
      return
    } else if (alive || retry !== undefined) batch = { blocks: [], bytes: 1 }
    else return
    if (retry !== undefined) batch.retry = retry
    retry = undefined
    reading.resolve(batch)
    reading = undefined
  }
  const settle = (how: { error?: unknown }): void => {
    if (state === 'closed') return
    state = 'closed'
    signal.removeEventListener('abort', abort)
    outcome = how
    if ('error' in how) reject(how.error)
    else resolve()
    flush()
  }
  /** Ends it on this side: the server has to be told. */
  const leave = (how: { error?: unknown }): void => {
    if (state === 'closed') return
    settle(how)
    owner.leave(how.error)
  }
  const abort = (): void => {
    batches = []
    leave({ error: signal.reason })
  }
  signal.addEventListener('abort', abort)

  const stream: CarriedStream = {
    connection,
    open({ status: code, headers, url = asked }) {
      status = code
      const opened: Connection = {
        status,
        headers: new Headers(headers),
        url,
        read: () =>
          new Promise((resolve, reject) => {
            reading = { resolve, reject }
            flush()
          }),
        async problem(maxBytes) {
          while (await opened.read());
          return problem.slice(0, maxBytes)
        },
        cancel() {
          batches = []
          leave({})
        },
      }
      state = 'open'
      resolve(opened)
    },
    push(block) {
      if (state !== 'open') return
      const size = count(block.data)
      if (size > maxEventSize) return leave({ error: new StreamError('too-large', `Event larger than ${maxEventSize} bytes`) })
      if (credit <= 0) return leave({ error: new StreamError('overflow', `More than the ${window} bytes that it may`) })
      const bytes = size + OVERHEAD
      credit -= bytes
      let batch = batches.at(-1)
      if (!batch || batch.bytes >= SLICE) batches.push((batch = { blocks: [], bytes: 0 }))
      batch.blocks.push(block)
      batch.bytes += bytes
    },
    retry(delay) {
      retry = delay
    },
    close({ status: code, problem: body = '' }) {
      problem = body
      if (code === 413) settle({ error: new StreamError('too-large', 'Event larger than the server passes on') })
      else if (state === 'open' && (code === 200 || code === status)) settle({})
      else settle({ error: broken(`Closed with ${code}`) })
    },
    end: (cause) => settle(cause === undefined ? {} : { error: cause }),
    flush,
  }
  return stream
}
