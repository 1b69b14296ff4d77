/** A minimal feed consumer: reads connections, and reconnects from its cursor when a connection ends. */
import type { Clock } from '../../src/base/clock.ts'
import type { Connect, Connection } from '../../src/connect/connect.ts'

export interface FeedConsumer {
  /** Payloads of the received events in order, without `connected` events. */
  readonly payloads: string[]
  /** The payloads, by connection of the consumer, and within it by connection to the server. */
  readonly connections: string[][][]
  readonly cursor: string
  /** Number of connection attempts, failed ones included. */
  readonly attemptCount: number
  /** Stops reading until `resume()`. */
  pause(): void
  resume(): void
  close(): void
}

/** Starts a consumer at `cursor`, which is empty for a new feed. */
export function consumeFeed(
  connect: Connect,
  clock: Clock,
  { cursor = '', url = 'https://example.com/feed', scope = undefined as string | undefined } = {},
): FeedConsumer {
  const connections: string[][][] = []
  let attemptCount = 0
  let state: 'reading' | 'paused' | 'closed' = 'reading'
  let resume: (() => void) | undefined
  let controller = new AbortController()
  let connection: Connection | undefined

  const attempt = async (): Promise<void> => {
    if (state === 'closed') return
    attemptCount++
    controller = new AbortController()
    const { signal } = controller
    try {
      connection = await connect({
        url,
        scope,
        signal,
        method: 'GET',
        headers: [['accept', 'text/event-stream']],
        credentialHeaders: [],
        maxEventSize: 1e6,
        ...(cursor && { lastEventId: cursor }),
      })
      const segments: string[][] = [[]]
      connections.push(segments)
      for (;;) {
        if (state === 'paused') await new Promise<void>((resolve) => (resume = resolve))
        const batch = await connection.read()
        if (signal.aborted || !batch) break
        if (batch.begins) segments.push([])
        for (const block of batch.blocks) {
          if (block.type !== 'connected') segments.at(-1)!.push(block.data!.trim())
          cursor = block.id ?? cursor
          block.id = 'modified' // the SDK also modifies the blocks that it reads
        }
      }
    } catch {
      // Every error leads to a reconnect, as in the SDK.
    }
    connection?.cancel()
    clock.after(100, () => void attempt())
  }
  void attempt()

  return {
    connections,
    get payloads() {
      return connections.flat(2)
    },
    get cursor() {
      return cursor
    },
    get attemptCount() {
      return attemptCount
    },
    pause() {
      state = 'paused'
    },
    resume() {
      state = 'reading'
      resume?.()
    },
    close() {
      state = 'closed'
      controller.abort()
      connection?.cancel()
      resume?.()
    },
  }
}
