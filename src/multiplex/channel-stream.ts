/** One stream of a channel, presented as a `Connection`. */
import { resolveUrl } from '../base/url.ts'
import type { Batch, ConnectRequest, Connection } from '../connect/connect.ts'
import type { Block } from '../sse/parse.ts'
import { channelError } from './channel-error.ts'
import { utf8Length } from './utf8-length.ts'

/** Callbacks from a stream to its channel. */
export interface ChannelStreamHandlers {
  /** Allows the server to send `bytes` more bytes. */
  grantCredit(bytes: number): void
  /**
   * Called once when the stream has ended, cleanly or with `error`. If `isKnownToServer`, no `close` operation is
   * needed.
   */
  onClosed(error?: unknown, isKnownToServer?: boolean): void
}

export interface ChannelStream {
  readonly request: ConnectRequest
  /**
   * Resolves with `undefined` if the channel was rejected for a different identity; the stream must then be opened on a
   * new channel.
   */
  readonly connection: Promise<Connection | undefined>
  /** Adds one block of the stream. */
  push(block: Block): void
  /** Handles an `open`, `retry` or `close` control event. Returns the response status of an `open`. */
  handleControlEvent(type: string, data: string): number | undefined
  /**
   * Ends the stream: the consumer still reads what has arrived, then `error` or a clean end. If `isKnownToServer`, no
   * `close` operation is needed.
   */
  finish(error?: unknown, isKnownToServer?: boolean): void
  /** Reports that the channel is alive, so that the `idleTimeout` of this stream restarts. */
  notifyActivity(): void
}

/** The fields of all control events (PROTOCOL.md, 5.3); each event has some of them. */
interface ControlEvent {
  status: number
  headers?: HeadersInit
  url?: string
  problem?: string
  delay: number
}

/** A batch that has reached this many bytes takes no more blocks. */
const MAX_BATCH_BYTES = 16_384
/** Credit that a block costs in addition to its data bytes (PROTOCOL.md, 5.4), so that empty blocks are limited, too. */
const BLOCK_OVERHEAD_BYTES = 32

/** Creates a stream for which the server may send up to `window` bytes ahead of the consumer. */
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
  let remainingCredit = window // bytes that the server may still send
  let uncreditedBytes = 0 // bytes that were read, but not yet granted as new credit
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
  /** Returns the batch to which the next block is added. */
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
      const cost = utf8Length(data) + BLOCK_OVERHEAD_BYTES
      if (state === 'opening') return finish(channelError(request, 'Event precedes `open`'))
      if (data.length > maxEventSize)
        return finish(
          channelError(request, `Event exceeds ${maxEventSize} characters (maxEventSize)`, undefined, 'too-large'),
        )
      if (remainingCredit <= 0) return finish(channelError(request, 'Credit exceeded', undefined, 'overflow'))
      const batch = currentBatch()
      batch.blocks.push(block)
      batch.bytes += cost
      remainingCredit -= cost
      wakeReader?.(false) // the reader resumes in a microtask, so that one read takes all blocks of this task
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
                  `Stream closed with status ${newStatus}`,
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
            via: 'channel',
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
