/** What streams ask of the server, in the order in which they ask: all that is there goes in one request, one request after another. */

/** One operation, as PROTOCOL.md rule 5.2 has them. */
export interface Operation {
  op: 'open' | 'credit' | 'close'
  key: string
  [field: string]: unknown
}

export interface OperationQueue {
  /** Is sent at the end of this task, or when the request under way is answered. */
  add(operation: Operation): void
  /** The server has said which channel this is. */
  start(channelId: string): void
}

/** What one request has at most: characters before the last operation, and operations. */
const MAX_REQUEST_CHARS = 100_000
const MAX_REQUEST_OPERATIONS = 200

/**
 * Makes an outlet to `post`; nothing is asked for streams that are not wanted any more when their turn comes. Where `post`
 * rejects, nobody knows whether the operations were carried out: `onLost` hears of each, and those that close are sent again
 * with the next ones.
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
