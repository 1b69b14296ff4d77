/** What a client keeps of streams that have ended: nothing. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { end, start } from '../support/native-events.ts'
import { settled } from '../support/flush-microtasks.ts'
import { type Stage, createStage } from '../support/test-client.ts'
import { trapUnhandled } from '../support/unhandled.ts'

trapUnhandled()

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const ways: [how: string, live: (stage: Stage) => Promise<WeakRef<object>>][] = [
  [
    'a feed that was closed',
    async ({ client }) => {
      const feed = client.subscribe('/x')
      await settled()
      feed.close()
      return new WeakRef(feed)
    },
  ],
  [
    'a feed whose server said that there is no more',
    async ({ client, network }) => {
      const feed = client.subscribe('/x')
      await settled()
      network.last.answer({ status: 204, headers: {} })
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

test.each(ways)('%s can be collected while its client lives on', async (_how, live) => {
  const stage = createStage()
  const stream = await live(stage)
  await settled()
  stage.network.attempts.length = 0
  await settled()
  collectGarbage()
  expect(stream.deref()).toBeUndefined()
  stage.client.close()
})
