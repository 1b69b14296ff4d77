/** One stream of a carrier, as the `Connection` that its owner sees. */
import { resolveAddress } from '../base/url.ts'
import type { Batch, ConnectRequest, Connection } from '../connect/connect.ts'
import type { Block } from '../sse/parse.ts'
import { failure } from './channel-error.ts'

/** What a stream asks of its carrier. */
export interface Owner {
  /** The server may send so many more bytes. */
  credit(bytes: number): void
  /** It is over, in good order or by `error`; `known`: to the server as well. */
  leave(error?: unknown, known?: boolean): void
}

export interface CarriedStream {
  readonly request: ConnectRequest
  /** `undefined`: the carrier was refused to somebody else, and another one is to be tried. */
  readonly connection: Promise<Connection | undefined>
  /** One block, as it was in the stream. */
  push(block: Block): void
  /** What the server says of the stream: its answer, its reconnection time, its end. Returns the status of an answer. */
  control(type: string, data: string): number | undefined
  /** Ends it: what has come is still read, and then `error`, or a clean end. `known`: the server has ended it, too. */
  end(error?: unknown, known?: boolean): void
  /** Something came over the carrier, if not for this stream. */
  alive(): void
}

/** The fields of control events (PROTOCOL.md, 5.3); each has some of them. */
interface Control {
  status: number
  headers?: HeadersInit
  url?: string
  problem?: string
  delay: number
}

/** Bytes that are read at once. */
const SLICE = 16_384
/** What a block counts beside its data (PROTOCOL.md, 5.4), so that the number of empty ones is bounded, too. */
const OVERHEAD = 32

/** Makes a stream of which the server may send `window` bytes before somebody reads them. */
export function createCarriedStream(request: ConnectRequest, window: number, owner: Owner): CarriedStream {
  const { url, maxEventSize, signal } = request
  let state: 'opening' | 'open' | 'closed' = 'opening'
  let resolve!: (connection?: Connection) => void
  let reject!: (error: unknown) => void
  const connection = new Promise<Connection | undefined>((...settlers) => ([resolve, reject] = settlers))
  let batches: Batch[] = []
  let credit = window // what the server has left
  let drained = 0 // bytes that it was given no credit for yet
  let status: number
  let problem = ''
  let outcome: unknown
  let wake: ((alive: boolean) => void) | undefined

  const read = async (): Promise<Batch | null> => {
    for (let alive = false; ; alive = await new Promise<boolean>((waken) => (wake = waken))) {
      const batch = batches.shift()
      if (batch) {
        drained += batch.bytes
        if (state === 'open' && drained >= window / 2) {
          credit += drained
          owner.credit(drained)
          drained = 0
        }
        return batch
      }
      if (state === 'closed') {
        if (outcome !== undefined) throw outcome
        return null
      }
      if (alive) return { blocks: [], bytes: 1 }
    }
  }
  const end = (error?: unknown, known?: boolean): void => {
    if (state === 'closed') return
    state = 'closed'
    signal.removeEventListener('abort', abort)
    outcome = error
    if (error === undefined) resolve()
    else reject(error)
    wake?.(false)
    owner.leave(error, known)
  }
  /** What the next events go into. */
  const last = (): Batch => {
    let batch = batches.at(-1)
    if (!batch || batch.bytes >= SLICE) batches.push((batch = { blocks: [], bytes: 0 }))
    return batch
  }
  const drop = (reason?: unknown): void => {
    batches = []
    end(reason)
  }
  const abort = (): void => drop(signal.reason)
  signal.addEventListener('abort', abort)

  return {
    request,
    connection,
    push(block) {
      const { data = '' } = block
      const cost = new TextEncoder().encode(data).length + OVERHEAD
      if (state === 'opening') return end(failure(request, 'Malformed event'))
      if (data.length > maxEventSize)
        return end(failure(request, `Event longer than ${maxEventSize}`, undefined, 'too-large'))
      if (credit <= 0) return end(failure(request, 'Window exceeded', undefined, 'overflow'))
      const batch = last()
      batch.blocks.push(block)
      batch.bytes += cost
      credit -= cost
      wake?.(false) // in a microtask, so that one read takes all that has come
    },
    control(type, data) {
      try {
        const answer = JSON.parse(data) as Control
        const { status: code, delay } = answer
        if (type === 'retry' && delay >= 0) last().retry = delay
        if (type === 'close') {
          problem = answer.problem ?? ''
          const isClean = state === 'open' && (code === 200 || code === status)
          end(
            isClean
              ? undefined
              : failure(request, `Closed with ${code}`, undefined, code === 413 ? 'too-large' : 'network'),
            true,
          )
        }
        if (type === 'open' && state === 'opening') {
          resolve({
            status: (status = code),
            headers: new Headers(answer.headers),
            url: resolveAddress(answer.url ?? '', url),
            read,
            async problem(maxBytes) {
              while (await read());
              return problem.slice(0, maxBytes)
            },
            cancel: () => drop(),
          })
          state = 'open'
          return code
        }
      } catch (cause) {
        end(failure(request, 'Malformed event', cause))
      }
      return undefined
    },
    end,
    alive: () => wake?.(true),
  }
}
