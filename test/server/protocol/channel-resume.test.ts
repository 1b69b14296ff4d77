/** Tests of section 5.6 of PROTOCOL.md, through both faces: runs and feeds resume over another channel. */
import { describe, expect, test } from 'vitest'
import type { Block } from '../../mock-server/support/blocks.ts'
import { dataOf, textOf } from '../../mock-server/support/blocks.ts'
import type { ChannelClient } from '../../mock-server/support/channel-client.ts'
import {
  controlOf,
  eventsOfItems,
  openGetOperation,
  openRunOperation,
} from '../../mock-server/support/channel-client.ts'
import { waitUntil } from '../../mock-server/support/local-test-server.ts'
import { openChannels } from '../support/channels.ts'
import { faces } from '../support/faces.ts'

const resumeOf = (events: readonly Block[]): string =>
  `/api/generate${(dataOf(events[0])['resume'] as string).replace(/^[^?]*/, '')}`

/** Cancels a run over a channel; resolves with the data of `close`. */
async function cancel(channel: ChannelClient, key: string, path: string, headers = {}): Promise<unknown> {
  await channel.post(openGetOperation(key, path, { method: 'DELETE', headers }))
  return controlOf(await channel.readUntilClosed(key), 'close')
}

describe.each(faces)('%s', (face) => {
  test('[P5.6] [P3.3] wherever a channel is cut, its run resumes over the next one', async () => {
    const under = await openChannels(face)
    let channel = await under.connect()
    await channel.post(openRunOperation('a'))
    await waitUntil(() => under.model.runs.length === 1)
    const received: Block[] = []
    for (let count = 0; count < 10; count++) {
      under.model.runs[0]!.say(String(count))
      const items = await channel.readUntil('a', (all) => textOf(eventsOfItems(all)).endsWith(String(count)))
      received.push(...eventsOfItems(items))
      channel.reader.close()
      await waitUntil(() => under.readers === 0)
      channel = await under.connect()
      await channel.post(openGetOperation('a', resumeOf(received), { lastEventId: received.at(-1)!.id }))
    }
    under.model.runs[0]!.end()
    received.push(...eventsOfItems(await channel.readUntilClosed('a')))
    expect(textOf(received)).toBe('0123456789')
    expect(received.at(-1)!.type).toBe('end')
    expect(under.model.runs).toHaveLength(1)
  })

  test('[P5.6] [P2.3] each feed resumes from its own cursor, without losing or repeating events', async () => {
    const under = await openChannels(face)
    const cursors: (string | undefined)[] = [undefined, undefined, undefined]
    const received: number[][] = [[], [], []]
    let next = 0
    for (let round = 0; round < 5; round++) {
      const channel = await under.connect()
      await channel.post(
        ...cursors.map((lastEventId, index) =>
          openGetOperation(`f${index}`, '/api/stream', lastEventId === undefined ? {} : { lastEventId }),
        ),
      )
      for (const index of cursors.keys()) {
        await channel.readUntil(`f${index}`, (all) => all.some(({ type }) => type === 'connected'))
      }
      for (let count = 0; count < 10; count++) await under.feed.send('note', next++)
      // Each feed stops at a different event.
      for (const index of cursors.keys()) {
        const missing = round * 10 + 10 - received[index]!.length
        const isNote = ({ type }: { type: string }): boolean => type === 'note'
        const items = await channel.readUntil(`f${index}`, (all) => all.filter(isNote).length >= missing)
        const taken = items.filter(isNote).slice(0, missing - index)
        received[index]!.push(...taken.map(({ data }) => Number(data)))
        cursors[index] = taken.at(-1)?.id ?? cursors[index]
      }
      channel.reader.close()
      await waitUntil(() => under.readers === 0)
    }
    for (const [index, numbers] of received.entries()) {
      expect(numbers).toEqual(Array.from({ length: 50 - index }, (_, count) => count))
    }
  })

  test('[P5.6] [P3.5] DELETE over a channel ends a run for its readers on any connection', async () => {
    const { connect, mounted } = await openChannels(face)
    const channel = await connect()
    await channel.post(openRunOperation('a'))
    const path = resumeOf(eventsOfItems(await channel.readUntil('a', (all) => all.length === 2)))
    const plain = await mounted.open(path)
    await plain.readEvents(1)
    expect(await cancel(channel, 'd1', path)).toEqual({ status: 204 })
    for (const events of [eventsOfItems(await channel.readUntilClosed('a')), (await plain.readToEnd()).events]) {
      expect(dataOf(events.at(-1))['finishReason']).toBe('cancelled')
    }
    expect(await cancel(channel, 'd2', path)).toEqual({ status: 204 })
  })

  test('[P5.6] [P3.4] a key joins the run of a plain connection, and gets 422 with a different body', async () => {
    const { connect, mounted, model } = await openChannels(face)
    const headers = { 'idempotency-key': 'k1', 'content-type': 'application/json' }
    const body = JSON.stringify({ prompt: 'Hi' })
    const plain = await mounted.open('/api/generate', { method: 'POST', headers, body })
    await plain.readEvents(1)
    const channel = await connect()
    await channel.post(openRunOperation('a', { headers }), openRunOperation('b', { headers, body: '{"prompt":"x"}' }))
    expect(controlOf(await channel.readUntilClosed('b'), 'open')['status']).toBe(422)
    model.runs[0]!.say('Hello')
    model.runs[0]!.end()
    expect(textOf(eventsOfItems(await channel.readUntilClosed('a')))).toBe('Hello')
    expect(model.runs).toHaveLength(1)
    await plain.readToEnd()
  })

  test('[P5.6] [P3.3] resuming after the terminal event gets 204', async () => {
    const { connect, model } = await openChannels(face)
    const channel = await connect()
    await channel.post(openRunOperation('a'))
    await waitUntil(() => model.runs.length === 1)
    model.runs[0]!.end()
    const events = eventsOfItems(await channel.readUntilClosed('a'))
    await channel.post(openGetOperation('b', resumeOf(events), { lastEventId: events.at(-1)!.id }))
    const items = await channel.readUntilClosed('b')
    expect(controlOf(items, 'open')['status']).toBe(204)
    expect(controlOf(items, 'close')).toEqual({ status: 204 })
  })

  test('[P5.6] [P3.5] a run that is read over a channel is abandoned only after the channel is gone', async () => {
    const under = await openChannels(face, { runs: { abandon: 5_000 } })
    const channel = await under.connect()
    await channel.post(openRunOperation('a'))
    await channel.readUntil('a', (all) => all.length === 2)
    await under.clock.advance(20_000)
    expect(under.model.runs[0]!.context.signal.aborted).toBe(false)
    channel.reader.close()
    await waitUntil(() => under.readers === 0)
    await under.clock.advance(60_000)
    await waitUntil(() => under.model.runs[0]!.context.signal.aborted)
  })
})
