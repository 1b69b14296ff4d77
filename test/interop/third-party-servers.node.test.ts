/** Feeds of servers that write event streams as popular frameworks do: every event once and in order, or a reset. */
import { expect, test } from 'vitest'
import { createClient } from '../../src/client/client.ts'
import type { Protocol } from '../../src/protocols/protocol.ts'
import { readFeed } from './read-feed.ts'
import { type ThirdPartyServer, expectedLog, startThirdPartyServer, thirdPartyServers } from './third-party-servers.ts'

test.each(thirdPartyServers)(
  '$name: all events of four connections arrive once, and a reconnect that may lose events is reported',
  async (server) => {
    const { log, errors } = await readFeed(await startThirdPartyServer(server), server.options)
    expect(log).toEqual(expectedLog(server))
    expect(errors).toEqual([])
  },
)

test('an ID that Rails sends with every event is found out in the first connection, and no event is dropped', async () => {
  // rails/rails: actionpack/lib/action_controller/metal/live.rb. The options of `SSE.new` apply to every event.
  const { log } = await readFeed(
    await startThirdPartyServer({
      name: 'Rails with an `id` in the constructor',
      contentType: 'text/event-stream',
      event: (n) => `retry: 100\nevent: price\nid: 10\ndata: {"n":${n}}\n\n`,
    }),
  )
  expect(log.filter((entry) => entry !== 'ids-not-unique')).toEqual(Array.from({ length: 20 }, (_, n) => ({ n })))
  // Once for the first proof, and once for each of the three reconnects.
  expect(log.filter((entry) => entry === 'ids-not-unique')).toHaveLength(4)
})

const laravel = thirdPartyServers.find(({ name }) => name.startsWith('Laravel'))!

test('with the default `parse`, the sentinel of Laravel is reported as invalid data, and no event is lost', async () => {
  const { log, errors } = await readFeed(await startThirdPartyServer(laravel))
  expect(log).toEqual(expectedLog(laravel).filter((entry) => entry !== '</stream>'))
  expect(errors).toEqual(Array.from({ length: 4 }, () => 'invalid-data'))
})

const stateServer: ThirdPartyServer = {
  name: 'A server that begins each connection with the current state, under an ID that stays the same',
  contentType: 'text/event-stream',
  opening: 'id: state\nevent: stream-open\ndata: "stream-open"\n\n',
  event: (n) => `id: ${n}\nevent: price\ndata: {"n":${n}}\n\n`,
  resumes: 'after',
}

test('an identical state at the beginning of a connection is dropped by default, and delivered with `dedupeWindow: 0`', async () => {
  const all = expectedLog(stateServer)
  const byDefault = await readFeed(await startThirdPartyServer(stateServer))
  expect(byDefault.log).toEqual(all.filter((entry, index) => index === 0 || entry !== 'stream-open'))
  const withoutWindow = await readFeed(await startThirdPartyServer(stateServer), { dedupeWindow: 0 })
  expect(withoutWindow.log).toEqual(all)
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
