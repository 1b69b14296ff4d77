/** Memory: a client keeps no reference to streams that have ended. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { end, start } from '../support/native-events.ts'
import { type TestClient, createTestClient } from '../support/test-client.ts'
import { trapUnhandled } from '../support/unhandled.ts'

trapUnhandled()

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const CASES: [name: string, createEndedStream: (testClient: TestClient) => Promise<WeakRef<object>>][] = [
  [
    'a closed feed',
    async ({ client }) => {
      const feed = client.subscribe('/x')
      await flushMicrotasks()
      feed.close()
      return new WeakRef(feed)
    },
  ],
  [
    'a feed ended by a 204',
    async ({ client, network }) => {
      const feed = client.subscribe('/x')
      await flushMicrotasks()
      network.last.respond({ status: 204, headers: {} })
      return new WeakRef(feed)
    },
  ],
  [
    'a completed run',
    async ({ client, open }) => {
      const run = client.stream('/x')
      const connection = await open()
      connection.send(start(), end())
      connection.end()
      await run.final()
      return new WeakRef(run)
    },
  ],
]

test.each(CASES)('%s is garbage-collected while its client is still open', async (_name, createEndedStream) => {
  const testClient = createTestClient()
  const stream = await createEndedStream(testClient)
  await flushMicrotasks()
  testClient.network.attempts.length = 0
  await flushMicrotasks()
  collectGarbage()
  expect(stream.deref()).toBeUndefined()
  testClient.client.close()
})
