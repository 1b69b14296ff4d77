/** Requests with operations: one after another, and what follows when the fate of one is not known. */
import { describe, expect, test } from 'vitest'
import { settled } from '../support/flush-microtasks.ts'
import { createRig, opened, stateOf } from './test-multiplex.ts'

describe('batches', () => {
  test('[P5.2] what is asked while one is under way goes together in the next', async () => {
    const rig = createRig()
    rig.answerPosts('hang')
    rig.ask()
    await rig.carry()
    for (let count = 0; count < 3; count++) {
      rig.ask()
      await settled()
    }
    expect(rig.posts).toHaveLength(1)
    rig.answerPosts({ status: 202 })
    rig.posts[0]!.answer({ status: 202 })
    await settled()
    expect(rig.posts.map(({ request }) => JSON.parse(request.body as string).ops.length)).toEqual([1, 3])
  })

  test('[P5.2] of so many that a server may refuse them, some wait, in their order', async () => {
    const rig = createRig()
    for (let count = 0; count < 450; count++) rig.ask()
    await rig.carry()
    expect(rig.posts.map(({ request }) => JSON.parse(request.body as string).ops.length)).toEqual([200, 200, 50])
    expect(rig.operations.map(({ key }) => Number(key))).toEqual(Array.from({ length: 450 }, (_, index) => index + 1))
  })

  test('[P5.2] large bodies are not all in one', async () => {
    const rig = createRig()
    for (let count = 0; count < 5; count++) rig.ask({ method: 'POST', body: 'x'.repeat(60_000) })
    await rig.carry()
    expect(rig.posts.map(({ request }) => JSON.parse(request.body as string).ops.length)).toEqual([2, 2, 1])
  })

  test('[P5.2] neither are long headers and addresses', async () => {
    const rig = createRig()
    const headers: [string, string][] = [['authorization', `Bearer ${'x'.repeat(6_000)}`]]
    for (let count = 0; count < 200; count++) rig.ask({ headers })
    await rig.carry()
    expect(Math.max(...rig.posts.map(({ request }) => (request.body as string).length))).toBeLessThan(120_000)
    expect(rig.operations.map(({ key }) => Number(key))).toEqual(Array.from({ length: 200 }, (_, index) => index + 1))
  })

  test('its answer is read to the end, so that its connection can be used again', async () => {
    const rig = createRig()
    rig.answerPosts('hang')
    rig.ask()
    await rig.carry()
    const answer = rig.posts[0]!.answer({ status: 202 })
    await settled()
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
    const rig = createRig({ window: 200 })
    const { carrier, streams } = await rig.open(2)
    carrier.send({ id: '1+', data: 'x'.repeat(100) })
    rig.answerPosts(how)
    const lost = rig.ask() // and in the same request the credit of the first
    await streams[0]!.read()
    const failing = streams[0]!.read()
    failing.catch(() => {})
    await settled()
    rig.answerPosts({ status: 202 })
    await expect(lost.connection).rejects.toMatchObject({
      ...network,
      message: 'Lost: POST https://api.test/channel/ops',
      cause: 'status' in how ? how : expect.any(Error),
    })
    await expect(failing).rejects.toMatchObject(network)
    rig.ask()
    await settled()
    const closed = rig.operations.filter(({ op }) => op === 'close').map(({ key }) => key)
    expect([...new Set(closed)].sort()).toEqual(['1', '3'])
    carrier.send({ id: '2=a', data: 'y' })
    expect(await streams[1]!.read()).toMatchObject({ blocks: [{ data: 'y' }] })
    expect(rig.gets).toHaveLength(1)
  })

  test('[P5.2] no answer within the timeout: given up, and the same', async () => {
    const rig = createRig({ timeout: 7_000 })
    const { carrier, streams } = await rig.open()
    rig.answerPosts('hang')
    const { connection } = rig.ask()
    await rig.clock.advance(6_999)
    expect(await stateOf(connection)).toBe('pending')
    rig.answerPosts({ status: 202 })
    await rig.clock.advance(1)
    await expect(connection).rejects.toMatchObject(network)
    expect(rig.posts[1]!.request.signal.aborted).toBe(true)
    expect(rig.operations.at(-1)).toEqual({ op: 'close', key: '2' })
    carrier.send({ id: '1=a', data: 'x' })
    expect(await streams[0]!.read()).toMatchObject({ blocks: [{ data: 'x' }] })
    expect(rig.clock.due).toEqual([])
  })

  test('[P5.2] what closes is said again with the next, and not on its own', async () => {
    const rig = createRig()
    const { streams } = await rig.open(2)
    rig.answerPosts(new Error('reset'))
    streams[0]!.cancel()
    await settled()
    await settled()
    expect(rig.posts).toHaveLength(2)
    rig.answerPosts({ status: 202 })
    rig.ask()
    await settled()
    expect(JSON.parse(rig.posts[2]!.request.body as string).ops).toMatchObject([
      { op: 'close', key: '1' },
      { op: 'open', key: '3' },
    ])
    rig.ask()
    await settled()
    expect(JSON.parse(rig.posts[3]!.request.body as string).ops).toMatchObject([{ op: 'open', key: '4' }])
  })

  test('[P5.2] of many closes that were lost, no request has more than a server takes, and all are said in the end', async () => {
    const rig = createRig()
    const { streams } = await rig.open(450)
    rig.answerPosts(new Error('reset'))
    for (const stream of streams) {
      stream.cancel()
      await settled()
    }
    rig.answerPosts({ status: 202 })
    const before = rig.posts.length
    for (let count = 0; count < 3; count++) {
      rig.ask()
      await settled()
    }
    const said = rig.posts
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
    const rig = createRig()
    const { carrier } = await rig.open()
    rig.answerPosts(new Error('reset'))
    const { connection } = rig.ask()
    await settled()
    carrier.send(opened(2), { id: '2=a', data: 'x' })
    await expect(connection).rejects.toMatchObject(network)
    expect(rig.errors).toEqual([])
  })
})

describe('for a channel that the server does not know', () => {
  test.each([404, 410, 401, 403, 409])(
    '[P5.2] %i: the carrier is given up, and its streams come back on a new one',
    async (status) => {
      const rig = createRig()
      const { carrier, streams } = await rig.open(2)
      rig.answerPosts({ status })
      const { connection } = rig.ask()
      await settled()
      for (const failing of [connection, streams[0]!.read(), streams[1]!.read()]) {
        await expect(failing).rejects.toMatchObject({
          code: 'network',
          retryable: true,
          message: 'Lost: POST https://api.test/channel/ops',
          cause: { code: 'http', status },
        })
      }
      expect(carrier.cancelled).toBe(true)
      rig.answerPosts({ status: 202 })
      const again = rig.ask()
      const second = await rig.carry({ channelId: 'd' })
      second.send(opened(1))
      expect(await again.connection).toMatchObject({ status: 200 })
      expect(rig.gets).toHaveLength(2)
    },
  )
})
