/** Feeds of servers that write event streams as popular frameworks do: every event once and in order, or a reset. */
import { expect, test } from 'vitest'
import { createClient } from '../../src/client/client.ts'
import type { Protocol } from '../../src/protocols/protocol.ts'
import { readFeed } from './read-feed.ts'
import { expectedLog, startThirdPartyServer, thirdPartyServers } from './third-party-servers.ts'

test.each(thirdPartyServers)(
  '$name: all events of four connections arrive once, and a reconnect that may lose events is reported',
  async (server) => {
    const { log, errors } = await readFeed(await startThirdPartyServer(server), server.options)
    expect(log).toEqual(expectedLog(server))
    expect(errors).toEqual([])
  },
)

const laravel = thirdPartyServers.find(({ name }) => name.startsWith('Laravel'))!

test('with the default `parse`, the sentinel of Laravel is reported as invalid data, and no event is lost', async () => {
  const { log, errors } = await readFeed(await startThirdPartyServer(laravel))
  expect(log).toEqual(expectedLog(laravel).filter((entry) => entry !== '</stream>'))
  expect(errors).toEqual(Array.from({ length: 4 }, () => 'invalid-data'))
})

test('a run with a protocol for Laravel ends at the sentinel', async () => {
  const protocol: Protocol<string> = {
    map: ({ data }) => [data === '</stream>' ? { type: 'end' } : { type: 'delta', delta: data }],
    text: (delta) => delta,
  }
  const client = createClient()
  const { text } = await client.stream(await startThirdPartyServer(laravel), { protocol }).final()
  client.close()
  expect(text).toBe('{"n":0}{"n":1}{"n":2}{"n":3}{"n":4}')
})
