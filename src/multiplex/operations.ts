/** What streams ask of the server, in the order in which they ask: all that is there goes in one request, one request after another. */

/** One operation, as PROTOCOL.md rule 5.2 has them. */
export interface Operation {
  op: 'open' | 'credit' | 'close'
  key: string
  [field: string]: unknown
}

export interface Operations {
  /** Is sent at the end of this task, or when the request under way is answered. */
  add(operation: Operation): void
  /** The server has said which channel this is. */
  begin(channelId: string): void
}

/** What one request has at most: characters before the last operation, and operations. */
const LONGEST = 100_000
const MOST = 200

/**
 * Makes an outlet to `post`; nothing is asked for streams that are not wanted any more when their turn comes. Where `post`
 * rejects, nobody knows whether the operations were carried out: `onLost` hears of each, and those that close are sent again
 * with the next ones.
 */
export function createOperations(
  post: (body: string) => Promise<void>,
  isWanted: (key: string) => boolean,
  onLost: (operation: Operation, cause: unknown) => void,
): Operations {
  let state: 'waiting' | 'idle' | 'posting' = 'waiting'
  let channelId: string
  let queue: Operation[] = []
  const again: Operation[] = []

  const drain = async (): Promise<void> => {
    if (state !== 'idle') return
    state = 'posting'
    while ((queue = queue.filter(({ op, key }) => op === 'close' || isWanted(key))).length) {
      let end = 0
      for (let size = 0; queue[end] && end < MOST && size < LONGEST;) size += JSON.stringify(queue[end++]).length
      const ops = [...again.splice(0, MOST), ...queue.splice(0, end)]
      try {
        await post(JSON.stringify({ channelId, ops }))
      } catch (cause) {
        again.push(...ops.filter(({ op }) => op === 'close'))
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
    begin(id) {
      channelId = id
      state = 'idle'
      void drain()
    },
  }
}
