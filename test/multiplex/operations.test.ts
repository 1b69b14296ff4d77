/** Tests of operation requests: batching, order, and recovery when the outcome of a request is unknown. */
import { describe, expect, test, vi } from 'vitest'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { createTestMultiplex, openEvent, promiseState } from './test-multiplex.ts'

describe('batches', () => {
  test('[P5.2] operations queued during a request are sent together in the next request', async () => {
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

  test('[P5.2] a request has at most 200 operations, and the rest follow in order', async () => {
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

  test('[P5.2] open operations with large bodies are split across requests', async () => {
    const testMultiplex = createTestMultiplex()
    for (let count = 0; count < 5; count++) testMultiplex.requestStream({ method: 'POST', body: 'x'.repeat(60_000) })
    await testMultiplex.openChannel()
    expect(testMultiplex.operationRequests.map(({ request }) => JSON.parse(request.body as string).ops.length)).toEqual(
      [2, 2, 1],
    )
  })

  test('[P5.2] open operations with long headers are split across requests', async () => {
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

  test('the response is read to the end, so that the connection can be reused', async () => {
    const testMultiplex = createTestMultiplex()
    testMultiplex.respondToOperations('hang')
    testMultiplex.requestStream()
    await testMultiplex.openChannel()
    const response = testMultiplex.operationRequests[0]!.respond({ status: 202 })
    await flushMicrotasks()
    expect([response.problemLimit, response.cancelled]).toEqual([1_000, true])
  })
})

test('operations are sent on platforms without AbortSignal.any, such as the Edge Runtime', async () => {
  vi.spyOn(AbortSignal, 'any').mockImplementation(() => {
    throw new TypeError('AbortSignal.any is not a function')
  })
  const testMultiplex = createTestMultiplex()
  testMultiplex.requestStream()
  await testMultiplex.openChannel()
  expect(testMultiplex.operations).toHaveLength(1)
})

describe('a request with an unknown outcome', () => {
  const network = { code: 'network', retryable: true }

  test.each([
    ['a request without a response', new Error('reset')],
    ['a server error', { status: 500 }],
    ['a busy server', { status: 503 }],
    ['a request that is rejected as malformed', { status: 400 }],
    ['a request that is rejected as too large', { status: 413 }],
    ['a redirect to a page', { status: 200 }],
  ])('[P5.2] %s fails and closes only the streams of that request', async (_, failure) => {
    const testMultiplex = createTestMultiplex({ window: 200 })
    const { channel, streams } = await testMultiplex.open(2)
    channel.send({ id: '1+', data: 'x'.repeat(100) })
    testMultiplex.respondToOperations(failure)
    const lost = testMultiplex.requestStream() // opened by the request that also grants credit to the first stream
    await streams[0]!.read()
    const failing = streams[0]!.read()
    failing.catch(() => {})
    await flushMicrotasks()
    testMultiplex.respondToOperations({ status: 202 })
    await expect(lost.connection).rejects.toMatchObject({
      ...network,
      message: 'Operation failed: POST https://api.test/channel/ops',
      cause: 'status' in failure ? failure : expect.any(Error),
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

  test('[P5.2] an operations request without a response within timeout is aborted, and its streams fail', async () => {
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

  test('[P5.2] a lost close operation is repeated in the next request', async () => {
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

  test('[P5.2] many lost close operations are repeated across several requests', async () => {
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
    const repeated = testMultiplex.operationRequests
      .slice(before)
      .map(({ request }) => JSON.parse(request.body as string).ops as { op: string; key: string }[])
    expect(repeated.map(({ length }) => length)).toEqual([201, 201, 51])
    expect(
      new Set(
        repeated
          .flat()
          .filter(({ op }) => op === 'close')
          .map(({ key }) => key),
      ).size,
    ).toBe(450)
  })

  test('late events for a stream of a failed request are ignored', async () => {
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

describe('a channel that the server does not know', () => {
  test.each([404, 410, 401, 403, 409])(
    '[P5.2] status %i closes the channel, and the streams reconnect on a new channel',
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
          message: 'Operation failed: POST https://api.test/channel/ops',
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
