/** What processes see when Redis fails over to a replica that lacks the newest events. */
import { describe, expect, test } from 'vitest'
import type { Appended, EventLog } from '../../../server/log/event-log.ts'
import { FEED, RUN, frame, frames, keepAll, produce, readPage, textsOf, watchStream } from './log-helpers.ts'
import { connect, nextConnection, openLogOf, send, startProxy, startServer } from './redis-servers.ts'

describe('a failover to a replica that is five events behind', () => {
  let log: EventLog
  let failOver: () => Promise<void>

  /** Starts a server with a replica, appends what `before` appends to both, and what follows to the server alone. */
  const start = async (before: () => Promise<unknown>): Promise<void> => {
    const [server, replica] = [await startServer(), await startServer()]
    const proxy = await startProxy(server.port)
    const client = await connect(proxy.port)
    log = openLogOf(client)
    const [onServer, onReplica] = [await connect(server.port), await connect(replica.port)]
    await onReplica.sendCommand(['REPLICAOF', '127.0.0.1', String(server.port)])
    await before()
    // WAIT blocks until a replica has the writes of its own connection, and with them everything before.
    await onServer.sendCommand(['SET', 'mark', '1'])
    await onServer.sendCommand(['WAIT', '1', '0'])
    await onReplica.sendCommand(['REPLICAOF', 'NO', 'ONE'])
    failOver = async () => {
      const reconnected = nextConnection(client)
      await server.kill()
      proxy.pointTo(replica.port)
      await reconnected
    }
  }

  test('the lost positions of a feed are given out again under other IDs, and a reader that asks for one sees it', async () => {
    await start(async () => {
      for (let sequence = 1; sequence <= 5; sequence++) await send(log, sequence)
    })
    for (let sequence = 6; sequence <= 10; sequence++) await send(log, sequence)
    const lost = await readPage(log, FEED)
    expect(lost.head).toBe(10)
    await failOver()

    // A reader at position 10 learns that the log ends before it.
    const after = await readPage(log, FEED, 10)
    expect(after).toMatchObject({ epoch: lost.epoch, first: 1, head: 5, nonce: 'n5', events: [] })

    for (let sequence = 11; sequence <= 17; sequence++) await send(log, sequence, `m${sequence}`)
    // Positions 6 to 10 exist again. The ID of the reader has another nonce than the event at its position.
    expect(lost.events[9]).toEqual({ position: 10, nonce: 'n10', frame: frame(10) })
    const grown = await readPage(log, FEED, 10)
    expect(grown).toMatchObject({ epoch: lost.epoch, first: 1, head: 12, previousNonce: 'm15' })
    expect(textsOf(grown.events)).toEqual(['16', '17'])
    const idOf = ({ position, nonce }: { position: number; nonce: string }): string => `${position}-${nonce}`
    const all = await readPage(log, FEED)
    const lostIds = lost.events.slice(5).map(idOf)
    expect(all.events.map(idOf).filter((id) => lostIds.includes(id))).toEqual([])
    expect(textsOf(all.events)).toEqual(['1', '2', '3', '4', '5', '11', '12', '13', '14', '15', '16', '17'])
  })

  test('the producer of a run meets a gap, sends its tail again, and readers find the same IDs', async () => {
    let token = 0
    const append = (from: number, to: number): Promise<Appended> =>
      log.append(RUN, frames(from, to), { nonce: `n${from}`, retention: keepAll, at: from, token })
    await start(async () => {
      token = await produce(log, RUN, { lease: 600_000 })
      await append(1, 5)
    })
    await append(6, 10)
    const lost = await readPage(log, RUN)
    await failOver()

    expect(await append(11, 12)).toEqual({ refused: 'gap', head: 5 })
    expect(await append(6, 10)).toMatchObject({ position: 10 })
    expect(await append(11, 12)).toMatchObject({ position: 12 })
    const page = await readPage(log, RUN)
    expect(page.epoch).toBe(lost.epoch)
    expect(page.events.slice(0, 10)).toEqual(lost.events)
    expect(textsOf(page.events.slice(10))).toEqual(['11', '12'])
  })

  test('a waiting reader is woken after a failover', async () => {
    await start(() => send(log, 1))
    const watch = watchStream(log, FEED)
    await watch.until(async () => ((await readPage(log, FEED)).head === 1 ? true : undefined))
    await send(log, 2)
    await failOver()
    await watch.until(async () => ((await readPage(log, FEED)).head === 1 ? true : undefined))
    await send(log, 3)
    await watch.until(async () => ((await readPage(log, FEED)).nonce === 'n3' ? true : undefined))
  })
})
