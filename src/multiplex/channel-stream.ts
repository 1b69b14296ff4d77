/** One stream of a carrier, as the `Connection` that its owner sees. */
import { resolveUrl } from '../base/url.ts'
import type { Batch, ConnectRequest, Connection } from '../connect/connect.ts'
import type { Block } from '../sse/parse.ts'
import { channelError } from './channel-error.ts'

/** What a stream asks of its carrier. */
export interface ChannelStreamHandlers {
  /** The server may send so many more bytes. */
  grantCredit(bytes: number): void
  /** It is over, in good order or by `error`; `known`: to the server as well. */
  onClosed(error?: unknown, isKnownToServer?: boolean): void
}

export interface ChannelStream {
  readonly request: ConnectRequest
  /** `undefined`: the carrier was refused to somebody else, and another one is to be tried. */
  readonly connection: Promise<Connection | undefined>
  /** One block, as it was in the stream. */
  push(block: Block): void
  /** What the server says of the stream: its answer, its reconnection time, its end. Returns the status of an answer. */
  handleControlEvent(type: string, data: string): number | undefined
  /** Ends it: what has come is still read, and then `error`, or a clean end. `known`: the server has ended it, too. */
  finish(error?: unknown, isKnownToServer?: boolean): void
  /** Something came over the carrier, if not for this stream. */
  notifyActivity(): void
}

/** The fields of control events (PROTOCOL.md, 5.3); each has some of them. */
interface ControlEvent {
  status: number
  headers?: HeadersInit
  url?: string
  problem?: string
  delay: number
}

/** Bytes that are read at once. */
const MAX_BATCH_BYTES = 16_384
/** What a block counts beside its data (PROTOCOL.md, 5.4), so that the number of empty ones is bounded, too. */
const BLOCK_OVERHEAD_BYTES = 32

/** Makes a stream of which the server may send `window` bytes before somebody reads them. */
export function createChannelStream(
  request: ConnectRequest,
  window: number,
  handlers: ChannelStreamHandlers,
): ChannelStream {
  const { url, maxEventSize, signal } = request
  let state: 'opening' | 'open' | 'closed' = 'opening'
  let resolve!: (connection?: Connection) => void
  let reject!: (error: unknown) => void
  const connection = new Promise<Connection | undefined>((...settlers) => ([resolve, reject] = settlers))
  let batches: Batch[] = []
  let remainingCredit = window // what the server has left
  let uncreditedBytes = 0 // bytes that it was given no credit for yet
  let status: number
  let problem = ''
  let finalError: unknown
  let wakeReader: ((isAlive: boolean) => void) | undefined

  const read = async (): Promise<Batch | null> => {
    for (let isAlive = false; ; isAlive = await new Promise<boolean>((resolveWake) => (wakeReader = resolveWake))) {
      const batch = batches.shift()
      if (batch) {
        uncreditedBytes += batch.bytes
        if (state === 'open' && uncreditedBytes >= window / 2) {
          remainingCredit += uncreditedBytes
          handlers.grantCredit(uncreditedBytes)
          uncreditedBytes = 0
        }
        return batch
      }
      if (state === 'closed') {
        if (finalError !== undefined) throw finalError
        return null
      }
      if (isAlive) return { blocks: [], bytes: 1 }
    }
  }
  const finish = (error?: unknown, isKnownToServer?: boolean): void => {
    if (state === 'closed') return
    state = 'closed'
    signal.removeEventListener('abort', onAbort)
    finalError = error
    if (error === undefined) resolve()
    else reject(error)
    wakeReader?.(false)
    handlers.onClosed(error, isKnownToServer)
  }
  /** What the next events go into. */
  const currentBatch = (): Batch => {
    let batch = batches.at(-1)
    if (!batch || batch.bytes >= MAX_BATCH_BYTES) batches.push((batch = { blocks: [], bytes: 0 }))
    return batch
  }
  const close = (reason?: unknown): void => {
    batches = []
    finish(reason)
  }
  const onAbort = (): void => close(signal.reason)
  signal.addEventListener('abort', onAbort)

  return {
    request,
    connection,
    push(block) {
      const { data = '' } = block
      const cost = new TextEncoder().encode(data).length + BLOCK_OVERHEAD_BYTES
      if (state === 'opening') return finish(channelError(request, 'Malformed event'))
      if (data.length > maxEventSize)
        return finish(channelError(request, `Event longer than ${maxEventSize}`, undefined, 'too-large'))
      if (remainingCredit <= 0) return finish(channelError(request, 'Window exceeded', undefined, 'overflow'))
      const batch = currentBatch()
      batch.blocks.push(block)
      batch.bytes += cost
      remainingCredit -= cost
      wakeReader?.(false) // in a microtask, so that one read takes all that has come
    },
    handleControlEvent(type, data) {
      try {
        const fields = JSON.parse(data) as ControlEvent
        const { status: newStatus, delay } = fields
        if (type === 'retry' && delay >= 0) currentBatch().retry = delay
        if (type === 'close') {
          problem = fields.problem ?? ''
          const isClean = state === 'open' && (newStatus === 200 || newStatus === status)
          finish(
            isClean
              ? undefined
              : channelError(
                  request,
                  `Closed with ${newStatus}`,
                  undefined,
                  newStatus === 413 ? 'too-large' : 'network',
                ),
            true,
          )
        }
        if (type === 'open' && state === 'opening') {
          resolve({
            status: (status = newStatus),
            headers: new Headers(fields.headers),
            url: resolveUrl(fields.url ?? '', url),
            read,
            async readText(maxBytes) {
              while (await read());
              return problem.slice(0, maxBytes)
            },
            cancel: () => close(),
          })
          state = 'open'
          return newStatus
        }
      } catch (cause) {
        finish(channelError(request, 'Malformed event', cause))
      }
      return undefined
    },
    finish,
    notifyActivity: () => wakeReader?.(true),
  }
}
