/** The third-party servers of the chaos runs number and replay their events as their names promise. */
import { expect, onTestFinished, test } from 'vitest'
import { parseEventStream } from '../../src/parser.ts'
import { host } from './ports.ts'
import { drawThirdPartySchedule } from './third-party-schedule.ts'
import { type ThirdPartyOptions, startThirdPartyUpstream } from './third-party-upstream.ts'
import type { Upstream } from './upstream.ts'

async function openUpstream(kind: ThirdPartyOptions['kind']): Promise<Upstream> {
  const upstream = await startThirdPartyUpstream({ kind, heartbeatMs: 1_000 })
  onTestFinished(() => upstream.close())
  return upstream
}

/** Opens a connection; resolves with a function that reads its next events. */
async function connect({ port }: Upstream, lastEventId?: string) {
  const controller = new AbortController()
  onTestFinished(() => controller.abort())
  const response = await fetch(`http://${host}:${port}/`, {
    signal: controller.signal,
    headers: lastEventId === undefined ? {} : { 'last-event-id': lastEventId },
  })
  const events = parseEventStream(response.body!)[Symbol.asyncIterator]()
  return async (count: number): Promise<string[]> => {
    const read: string[] = []
    while (read.length < count) {
      const { value } = await events.next()
      read.push(`${value!.id} ${value!.data}`)
    }
    return read
  }
}

test('the server `per-connection` counts from 1 on every connection, and replays nothing', async () => {
  const upstream = await openUpstream('per-connection')
  upstream.broadcast('item', { n: 0 })
  const readFirst = await connect(upstream)
  upstream.broadcast('item', { n: 1 })
  upstream.broadcast('item', { n: 2 })
  const readSecond = await connect(upstream, '2')
  upstream.broadcast('item', { n: 3 })
  expect(await readFirst(3)).toEqual([
    '1 {"n":1,"connection":{"number":1,"first":1}}',
    '2 {"n":2,"connection":{"number":1,"first":1}}',
    '3 {"n":3,"connection":{"number":1,"first":1}}',
  ])
  expect(await readSecond(1)).toEqual(['1 {"n":3,"connection":{"number":2,"first":3}}'])
})

test('the server `inclusive` replays the event with the Last-Event-ID and everything after it', async () => {
  const upstream = await openUpstream('inclusive')
  for (const n of [0, 1, 2]) upstream.broadcast('item', { n })
  const readAll = await connect(upstream)
  const readRest = await connect(upstream, '2')
  upstream.broadcast('item', { n: 3 })
  expect(await readAll(4)).toEqual(['1 {"n":0}', '2 {"n":1}', '3 {"n":2}', '4 {"n":3}'])
  expect(await readRest(3)).toEqual(['2 {"n":1}', '3 {"n":2}', '4 {"n":3}'])
})

test('a restart breaks the connections and keeps the log', async () => {
  const upstream = await openUpstream('inclusive')
  upstream.broadcast('item', { n: 0 })
  const read = await connect(upstream)
  expect(await read(1)).toEqual(['1 {"n":0}'])
  await upstream.restart({ afterItems: 0, downtime: 1, log: 'keep' })
  await expect(read(1)).rejects.toThrow()
  expect(await (await connect(upstream))(1)).toEqual(['1 {"n":0}'])
})

test('the same seed gives the same schedule, and a new subscription never resumes a feed', () => {
  const schedules = Array.from({ length: 100 }, (_, seed) => drawThirdPartySchedule(seed, 'inclusive'))
  expect(drawThirdPartySchedule(7, 'inclusive')).toEqual(schedules[7])
  expect(new Set(schedules.map(({ consumer }) => consumer))).toEqual(new Set(['loop', 'slow-loop', 'listeners']))
  expect(schedules.some(({ restarts }) => restarts.length > 0)).toBe(true)
})
