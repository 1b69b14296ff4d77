/** Requests with operations: one after another, and what follows when the fate of one is not known. */
import { describe, expect, test } from 'vitest'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { createTestMultiplex, openEvent, promiseState } from './test-multiplex.ts'

describe('batches', () => {
  test('[P5.2] what is asked while one is under way goes together in the next', async () => {
    const testMultiplex = createTestMultiplex()
    testMultiplex.respondToOperations('hang')
    testMultiplex.requestStream()
    await testMultiplex.openChannel()
    for (let count = 0; count < 3; count++) {
      testMultiplex.requestStream()
      await flushMicrotasks()
    }
    expect(testMultiplex.operationRequests).toHaveLength(1)
    testMultiplex.respondToOperations({ status: 202 })
    testMultiplex.operationRequests[0]!.respond({ status: 202 })
    await flushMicrotasks()
    expect(testMultiplex.operationRequests.map(({ request }) => JSON.parse(request.body as string).ops.length)).toEqual(
      [1, 3],
    )
  })

  test('[P5.2] of so many that a server may refuse them, some wait, in their order', async () => {
    const testMultiplex = createTestMultiplex()
    for (let count = 0; count < 450; count++) testMultiplex.requestStream()
    await testMultiplex.openChannel()
    expect(testMultiplex.operationRequests.map(({ request }) => JSON.parse(request.body as string).ops.length)).toEqual(
      [200, 200, 50],
    )
    expect(testMultiplex.operations.map(({ key }) => Number(key))).toEqual(
      Array.from({ length: 450 }, (_, index) => index + 1),
    )
  })

  test('[P5.2] large bodies are not all in one', async () => {
    const testMultiplex = createTestMultiplex()
    for (let count = 0; count < 5; count++) testMultiplex.requestStream({ method: 'POST', body: 'x'.repeat(60_000) })
    await testMultiplex.openChannel()
    expect(testMultiplex.operationRequests.map(({ request }) => JSON.parse(request.body as string).ops.length)).toEqual(
      [2, 2, 1],
    )
  })

  test('[P5.2] neither are long headers and addresses', async () => {
    const testMultiplex = createTestMultiplex()
    const headers: [string, string][] = [['authorization', `Bearer ${'x'.repeat(6_000)}`]]
    for (let count = 0; count < 200; count++) testMultiplex.requestStream({ headers })
    await testMultiplex.openChannel()
    expect(
      Math.max(...testMultiplex.operationRequests.map(({ request }) => (request.body as string).length)),
    ).toBeLessThan(120_000)
    expect(testMultiplex.operations.map(({ key }) => Number(key))).toEqual(
      Array.from({ length: 200 }, (_, index) => index + 1),
    )
  })

  test('its answer is read to the end, so that its connection can be used again', async () => {
    const testMultiplex = createTestMultiplex()
    testMultiplex.respondToOperations('hang')
    testMultiplex.requestStream()
    await testMultiplex.openChannel()
    const answer = testMultiplex.operationRequests[0]!.respond({ status: 202 })
    await flushMicrotasks()
    expect([answer.problemLimit, answer.cancelled]).toEqual([1_000, true])
  })
})

describe('of unknown fate', () => {
  const network = { code: 'network', retryable: true }

  test.each([
    ['no answer to it', new Error('reset')],
    ['a server that had a fault', { status: 500 }],
    ['a server that is busy', { status: 503 }],
    ['a server that found it malformed', { status: 400 }],
    ['a server that found it too large', { status: 413 }],
    ['a page that it was led to', { status: 200 }],
  ])('[P5.2] %s: its streams are closed and fail with network, the others go on', async (_, how) => {
    const testMultiplex = createTestMultiplex({ window: 200 })
    const { channel, streams } = await testMultiplex.open(2)
    channel.send({ id: '1+', data: 'x'.repeat(100) })
    testMultiplex.respondToOperations(how)
    const lost = testMultiplex.requestStream() // and in the same request the credit of the first
    await streams[0]!.read()
    const failing = streams[0]!.read()
    failing.catch(() => {})
    await flushMicrotasks()
    testMultiplex.respondToOperations({ status: 202 })
    await expect(lost.connection).rejects.toMatchObject({
      ...network,
      message: 'Lost: POST https://api.test/channel/ops',
      cause: 'status' in how ? how : expect.any(Error),
    })
    await expect(failing).rejects.toMatchObject(network)
    testMultiplex.requestStream()
    await flushMicrotasks()
    const closed = testMultiplex.operations.filter(({ op }) => op === 'close').map(({ key }) => key)
    expect([...new Set(closed)].sort()).toEqual(['1', '3'])
    channel.send({ id: '2=a', data: 'y' })
    expect(await streams[1]!.read()).toMatchObject({ blocks: [{ data: 'y' }] })
    expect(testMultiplex.channelRequests).toHaveLength(1)
  })

  test('[P5.2] no answer within the timeout: given up, and the same', async () => {
    const testMultiplex = createTestMultiplex({ timeout: 7_000 })
    const { channel, streams } = await testMultiplex.open()
    testMultiplex.respondToOperations('hang')
    const { connection } = testMultiplex.requestStream()
    await testMultiplex.clock.advance(6_999)
    expect(await promiseState(connection)).toBe('pending')
    testMultiplex.respondToOperations({ status: 202 })
    await testMultiplex.clock.advance(1)
    await expect(connection).rejects.toMatchObject(network)
    expect(testMultiplex.operationRequests[1]!.request.signal.aborted).toBe(true)
    expect(testMultiplex.operations.at(-1)).toEqual({ op: 'close', key: '2' })
    channel.send({ id: '1=a', data: 'x' })
    expect(await streams[0]!.read()).toMatchObject({ blocks: [{ data: 'x' }] })
    expect(testMultiplex.clock.pendingDelays).toEqual([])
  })

  test('[P5.2] what closes is said again with the next, and not on its own', async () => {
    const testMultiplex = createTestMultiplex()
    const { streams } = await testMultiplex.open(2)
    testMultiplex.respondToOperations(new Error('reset'))
    streams[0]!.cancel()
    await flushMicrotasks()
    await flushMicrotasks()
    expect(testMultiplex.operationRequests).toHaveLength(2)
    testMultiplex.respondToOperations({ status: 202 })
    testMultiplex.requestStream()
    await flushMicrotasks()
    expect(JSON.parse(testMultiplex.operationRequests[2]!.request.body as string).ops).toMatchObject([
      { op: 'close', key: '1' },
      { op: 'open', key: '3' },
    ])
    testMultiplex.requestStream()
    await flushMicrotasks()
    expect(JSON.parse(testMultiplex.operationRequests[3]!.request.body as string).ops).toMatchObject([
      { op: 'open', key: '4' },
    ])
  })

  test('[P5.2] of many closes that were lost, no request has more than a server takes, and all are said in the end', async () => {
    const testMultiplex = createTestMultiplex()
    const { streams } = await testMultiplex.open(450)
    testMultiplex.respondToOperations(new Error('reset'))
    for (const stream of streams) {
      stream.cancel()
      await flushMicrotasks()
    }
    testMultiplex.respondToOperations({ status: 202 })
    const before = testMultiplex.operationRequests.length
    for (let count = 0; count < 3; count++) {
      testMultiplex.requestStream()
      await flushMicrotasks()
    }
    const said = testMultiplex.operationRequests
      .slice(before)
      .map(({ request }) => JSON.parse(request.body as string).ops as { op: string; key: string }[])
    expect(said.map(({ length }) => length)).toEqual([201, 201, 51])
    expect(
      new Set(
        said
          .flat()
          .filter(({ op }) => op === 'close')
          .map(({ key }) => key),
      ).size,
    ).toBe(450)
  })

  test("an answer that comes for such a stream all the same is nobody's", async () => {
    const testMultiplex = createTestMultiplex()
    const { channel } = await testMultiplex.open()
    testMultiplex.respondToOperations(new Error('reset'))
    const { connection } = testMultiplex.requestStream()
    await flushMicrotasks()
    channel.send(openEvent(2), { id: '2=a', data: 'x' })
    await expect(connection).rejects.toMatchObject(network)
    expect(testMultiplex.errors).toEqual([])
  })
})

describe('for a channel that the server does not know', () => {
  test.each([404, 410, 401, 403, 409])(
    '[P5.2] %i: the carrier is given up, and its streams come back on a new one',
    async (status) => {
      const testMultiplex = createTestMultiplex()
      const { channel, streams } = await testMultiplex.open(2)
      testMultiplex.respondToOperations({ status })
      const { connection } = testMultiplex.requestStream()
      await flushMicrotasks()
      for (const failing of [connection, streams[0]!.read(), streams[1]!.read()]) {
        await expect(failing).rejects.toMatchObject({
          code: 'network',
          retryable: true,
          message: 'Lost: POST https://api.test/channel/ops',
          cause: { code: 'http', status },
        })
      }
      expect(channel.cancelled).toBe(true)
      testMultiplex.respondToOperations({ status: 202 })
      const again = testMultiplex.requestStream()
      const second = await testMultiplex.openChannel({ channelId: 'd' })
      second.send(openEvent(1))
      expect(await again.connection).toMatchObject({ status: 200 })
      expect(testMultiplex.channelRequests).toHaveLength(2)
    },
  )
})
