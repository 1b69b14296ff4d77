/** Reads a feed to its end, and records what the application is given. */
import { onTestFinished } from 'vitest'
import { createClient } from '../../src/client/client.ts'
import type { SubscribeOptions } from '../../src/request/stream-options.ts'

export interface FeedRecord {
  /** The `data` of each event, and the reason of each reset, in the order of the calls. */
  readonly log: readonly unknown[]
  /** The last event ID as of each event, in order. */
  readonly ids: readonly string[]
  /** Codes of the errors that `onError` received. */
  readonly errors: readonly string[]
  /** The `Last-Event-ID` of each request, in order. */
  readonly requestedIds: readonly (string | null)[]
}

/** Reads a feed until its server responds with 204. */
export async function readFeed(url: string, options: SubscribeOptions = {}): Promise<FeedRecord> {
  const log: unknown[] = []
  const ids: string[] = []
  const errors: string[] = []
  const requestedIds: (string | null)[] = []
  const client = createClient({
    retry: { delay: 1 },
    fetch(input, init) {
      requestedIds.push(new Headers(init?.headers).get('last-event-id'))
      return fetch(input, init)
    },
    onReset: ({ reason }) => log.push(reason),
    onError: ({ code }) => errors.push(code),
  })
  onTestFinished(() => client.close())
  const feed = client.subscribe(url, options)
  feed.onAny(({ data, id }) => {
    log.push(data)
    ids.push(id)
  })
  await feed.closed
  return { log, ids, errors, requestedIds }
}
