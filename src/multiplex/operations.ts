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
  /** Takes back what was not sent yet of a stream; returns whether its `open` was among it. */
  withdraw(key: string): boolean
  /** The server has said which channel this is. */
  begin(channelId: string): void
}

/** What one request has at most: characters, but for a single operation that is longer, and operations. */
const LONGEST = 200_000
const MOST = 1_000

/**
 * Makes an outlet to `post`. Where that rejects, nobody knows whether the operations were carried out: `onLost` hears of
 * them, and those that close are sent again with the next ones.
 */
export function createOperations(post: (body: string) => Promise<void>, onLost: (operation: Operation) => void): Operations {
  let state: 'waiting' | 'idle' | 'posting' = 'waiting'
  let channel: string
  let queue: [operation: Operation, text: string][] = []
  let again: typeof queue = []

  const drain = async (): Promise<void> => {
    if (state !== 'idle') return
    state = 'posting'
    while (queue.length) {
      let size = 0
      const end = queue.findIndex(([, text], index) => (size += text.length) > LONGEST && index)
      const sent = [...again, ...queue.splice(0, end > 0 && end < MOST ? end : MOST)]
      again = []
      try {
        await post(`{"channelId":${channel},"ops":[${sent.map(([, text]) => text).join()}]}`)
      } catch {
        for (const entry of sent) {
          if (entry[0].op === 'close') again.push(entry)
          else onLost(entry[0])
        }
      }
    }
    state = 'idle'
  }

  return {
    add(operation) {
      queue.push([operation, JSON.stringify(operation)])
      queueMicrotask(drain)
    },
    withdraw(key) {
      const before = queue
      queue = queue.filter(([operation]) => operation.key !== key)
      return before.some(([operation]) => operation.key === key && operation.op === 'open')
    },
    begin(channelId) {
      channel = JSON.stringify(channelId)
      state = 'idle'
      void drain()
    },
  }
}
