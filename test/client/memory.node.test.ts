/** What a client keeps of streams that have ended: nothing. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { end, start } from '../support/native-events.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { type TestClient, createTestClient } from '../support/test-client.ts'
import { trapUnhandled } from '../support/unhandled.ts'

trapUnhandled()

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const CASES: [how: string, live: (testClient: TestClient) => Promise<WeakRef<object>>][] = [
  [
    'a feed that was closed',
    async ({ client }) => {
      const feed = client.subscribe('/x')
      await flushMicrotasks()
      feed.close()
      return new WeakRef(feed)
    },
  ],
  [
    'a feed whose server said that there is no more',
    async ({ client, network }) => {
      const feed = client.subscribe('/x')
      await flushMicrotasks()
      network.last.respond({ status: 204, headers: {} })
      return new WeakRef(feed)
    },
  ],
  [
    'a run that is complete',
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

test.each(CASES)('%s can be collected while its client lives on', async (_how, live) => {
  const testClient = createTestClient()
  const stream = await live(testClient)
  await flushMicrotasks()
  testClient.network.attempts.length = 0
  await flushMicrotasks()
  collectGarbage()
  expect(stream.deref()).toBeUndefined()
  testClient.client.close()
})
