/** A queue of channel operations: sends all queued operations in one request, and one request at a time. */

/** One operation (PROTOCOL.md, 5.2). */
export interface Operation {
  op: 'open' | 'credit' | 'close'
  key: string
  [field: string]: unknown
}

export interface OperationQueue {
  /** Queues an operation. It is sent in a microtask, or after the current request has been answered. */
  add(operation: Operation): void
  /** Starts sending, with the channel ID from the `channel` event. */
  start(channelId: string): void
}

/** A request that has reached this many characters takes no more operations. */
const MAX_REQUEST_CHARS = 100_000
/** Maximum number of new operations in one request, and of repeated `close` operations in addition. */
const MAX_REQUEST_OPERATIONS = 200

/**
 * Creates a queue that sends its operations with `post`. Operations of streams that have since been closed are dropped,
 * except `close` operations. If `post` rejects, the server may or may not have carried out the operations: `onLost` is
 * called for each of them, and `close` operations are repeated with the next request.
 */
export function createOperationQueue(
  post: (body: string) => Promise<void>,
  isStreamOpen: (key: string) => boolean,
  onLost: (operation: Operation, cause: unknown) => void,
): OperationQueue {
  let state: 'waiting' | 'idle' | 'posting' = 'waiting'
  let channelId: string
  let queue: Operation[] = []
  const closesToRepeat: Operation[] = []

  const drain = async (): Promise<void> => {
    if (state !== 'idle') return
    state = 'posting'
    while ((queue = queue.filter(({ op, key }) => op === 'close' || isStreamOpen(key))).length) {
      let end = 0
      for (let size = 0; queue[end] && end < MAX_REQUEST_OPERATIONS && size < MAX_REQUEST_CHARS;)
        size += JSON.stringify(queue[end++]).length
      const ops = [...closesToRepeat.splice(0, MAX_REQUEST_OPERATIONS), ...queue.splice(0, end)]
      try {
        await post(JSON.stringify({ channelId, ops }))
      } catch (cause) {
        closesToRepeat.push(...ops.filter(({ op }) => op === 'close'))
        for (const operation of ops) onLost(operation, cause)
      }
    }
    state = 'idle'
  }

  return {
    add(operation) {
      queue.push(operation)
      queueMicrotask(drain)
    },
    start(id) {
      channelId = id
      state = 'idle'
      void drain()
    },
  }
}
