/** The `onComment` option: comments in order with events, and only if someone wants them. */
import { expect, test } from 'vitest'
import { createClient } from '../../src/client/client.ts'

const body = ': one\n\ndata: 1\n\n: two\ndata: 2\n\n: three\n\n'

const fetchOnce = (): typeof fetch => {
  const responses = [new Response(body, { headers: { 'content-type': 'text/event-stream' } })]
  return async () => responses.shift() ?? new Response(null, { status: 204 })
}

test('comments are called in order with the events of listeners', async () => {
  const order: unknown[] = []
  const client = createClient({ baseUrl: 'https://api.test', fetch: fetchOnce(), retry: { delay: 0 } })
  const feed = client.subscribe('/x', { onComment: (text) => order.push(text) })
  feed.on('message', ({ data }) => order.push(data))
  await feed.closed
  expect(order).toEqual(['one', 1, 'two', 2, 'three'])
})

test('an exception of onComment does not affect the stream', async () => {
  const reported: unknown[] = []
  const original = globalThis.reportError as typeof reportError | undefined
  globalThis.reportError = (error) => reported.push(error)
  const client = createClient({ baseUrl: 'https://api.test', fetch: fetchOnce(), retry: { delay: 0 } })
  const received: unknown[] = []
  const feed = client.subscribe('/x', {
    onComment() {
      throw new Error('broken')
    },
  })
  feed.on('message', ({ data }) => received.push(data))
  await feed.closed
  if (original) globalThis.reportError = original
  else Reflect.deleteProperty(globalThis, 'reportError')
  expect([received, reported.length]).toEqual([[1, 2], 3])
})
