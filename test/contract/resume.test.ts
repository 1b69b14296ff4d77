/** Contract of runs that are interrupted, detached, resumed or cancelled: PROTOCOL.md rules 3.3 to 3.5. */
import { expect, test } from 'vitest'
import { type ContractFixture, registerContract } from './contract.ts'
import { readRun } from './record-events.ts'
import { waitUntil } from './wait-until.ts'

const letters = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j']
const answer = letters.join('')
const generate = ({ client }: ContractFixture, prompt = 'p') => client.stream('/api/generate', { json: { prompt } })

/** Opens a run on a server with a manual clock and waits for its first `count` deltas. */
async function openPartialRun(open: () => Promise<ContractFixture>, count = 4) {
  const fixture = await open()
  const run = generate(fixture)
  const result = run.final()
  result.catch(() => {}) // not every test awaits the result
  await waitUntil(() => run.cursor)
  await fixture.server.advance(count * 100)
  await waitUntil(() => run.text.length === count)
  return { ...fixture, run, result }
}

registerContract('resuming runs', (open) => {
  const openManual = () => open({ answers: { '*': answer }, time: 'manual', delay: 100 })

  const cuts = ['reset-after', 'truncate-after', 'end-after']
  test.each(cuts)(
    '[P3.3][P3.4] a run cut repeatedly by %s resumes after the last event ID, without a second POST',
    async (fault) => {
      const fixture = await open({ answers: { '*': answer }, time: 'manual', delay: 100, scenario: { [fault]: 3 } })
      const run = generate(fixture)
      const deltas = readRun(run)
      await waitUntil(() => run.cursor)
      // A broken connection may lose bytes that were not read yet, so each delta waits for the previous delta to arrive.
      for (let length = 1; length <= answer.length; length++) {
        await fixture.server.advance(100)
        await waitUntil(() => run.text.length === length)
      }
      await fixture.server.advance(100)
      expect(await deltas).toEqual({ contents: letters, indexes: letters.map((_, index) => index) })
      expect(await run.final()).toMatchObject({ text: answer, finishReason: 'stop' })

      const [first, ...others] = await fixture.server.requests()
      const { pathname } = new URL(run.cursor!.url)
      expect(first).toMatchObject({
        method: 'POST',
        headers: { 'idempotency-key': expect.stringMatching(/^[0-9a-f-]{36}$/) },
      })
      expect(others.slice(0, 3).map(({ method, path, headers }) => [method, path, headers['last-event-id']])).toEqual(
        [3, 6, 9].map((position) => [
          'GET',
          pathname,
          expect.stringMatching(`^${pathname.split('/').pop()}-${position}-`),
        ]),
      )
      expect(others.filter(({ method }) => method !== 'GET')).toEqual([])
    },
  )

  test('[P3.3] resuming without an ID replays the run from its start, and resuming after the terminal event delivers no deltas', async () => {
    const fixture = await open({ answers: { '*': answer } })
    const run = generate(fixture)
    await run.final()
    const { url, lastEventId } = run.cursor!
    expect(new URL(url).origin).toBe(fixture.server.url)
    expect((await readRun(fixture.client.resume({ url }))).contents.join('')).toBe(answer)
    expect(await readRun(fixture.client.resume({ url, lastEventId: lastEventId! }))).toMatchObject({ contents: [] })
  })

  test('[P3.3] a run that the server no longer knows fails with expired, and the error has the partial text and the cursor', async () => {
    const { server, run } = await openPartialRun(openManual)
    const error = run.final().catch((reason: unknown) => reason)
    await server.lose()
    expect(await error).toMatchObject({ code: 'expired', status: 404, partial: 'abcd', cursor: run.cursor })
  })

  test('[P3.4] a POST interrupted before the start event is repeated with the same idempotency key and joins the same run', async () => {
    const fixture = await open({ answers: { '*': answer }, scenario: { 'lose-answer': true, times: 2 } })
    expect(await generate(fixture).final()).toMatchObject({ text: answer })
    const { runs } = await fixture.server.state()
    const posts = (await fixture.server.requests()).filter(({ method }) => method === 'POST')
    expect(runs).toHaveLength(1)
    expect(posts).toHaveLength(3)
    expect(new Set(posts.map(({ headers }) => headers['idempotency-key'])).size).toBe(1)
  })

  test('[P3.4] a refused POST does not use up the idempotency key', async () => {
    const fixture = await open({ answers: { '*': answer }, scenario: { status: 503, 'retry-after': 0, times: 1 } })
    expect(await generate(fixture).final()).toMatchObject({ text: answer })
    expect((await fixture.server.state()).runs).toHaveLength(1)
  })

  test('[P3.4] a POST that reuses an idempotency key with a different body is refused and not retried', async () => {
    const fixture = await open()
    await fixture.client.stream('/api/generate', { json: { prompt: 'one' }, idempotencyKey: 'k' }).final()
    const other = fixture.client.stream('/api/generate', { json: { prompt: 'two' }, idempotencyKey: 'k' }).final()
    await expect(other).rejects.toMatchObject({ code: 'http', status: 422 })
    expect(await fixture.server.log()).toEqual(['POST /api/generate', 'POST /api/generate'])
  })

  test('[P3.4] a POST without an idempotency key is not repeated if the connection is lost before the start event', async () => {
    const fixture = await open({ scenario: { 'lose-answer': true } })
    // This body needs no preflight. Chromium would reuse a preflight's connection and repeat a lost POST by itself.
    const run = fixture.client.stream('/api/generate', { body: '{"prompt":"p"}', idempotencyKey: false })
    await expect(run.final()).rejects.toMatchObject({ code: 'network' })
    expect(await fixture.server.log()).toEqual(['POST /api/generate'])
    expect((await fixture.server.state()).runs).toHaveLength(1)
    expect(fixture.states.map(({ status }) => status)).toEqual(['connecting', 'closed'])
  })

  test('[P3.5] a detached run continues on the server and can be resumed from its cursor', async () => {
    const { server, client, run, result } = await openPartialRun(openManual)
    const cursor = JSON.parse(JSON.stringify(run.cursor))
    run.detach()
    await expect(result).rejects.toMatchObject({ name: 'AbortError' })
    await waitUntil(async () => (await server.state()).runs[0]!.readers === 0)
    await server.advance(10_000)
    expect((await server.state()).runs).toMatchObject([{ state: 'finished', text: answer }])
    expect((await readRun(client.resume(cursor))).contents.join('')).toBe('efghij')
  })

  test('[P3.5] the server cancels a run that no client reads, and a later resume ends with the finish reason cancelled', async () => {
    const answers = { '*': 'x'.repeat(99) }
    const { server, client, run } = await openPartialRun(() =>
      open({ answers, time: 'manual', delay: 100, abandon: 500 }),
    )
    run.detach()
    await waitUntil(async () => (await server.state()).runs[0]!.readers === 0)
    await server.advance(1_000)
    expect(await client.resume(run.cursor!).final()).toMatchObject({ finishReason: 'cancelled' })
  })

  test('[P3.5] a finished run can be resumed until its retention time ends; later resumes fail with expired', async () => {
    const fixture = await open({ answers: { '*': answer }, time: 'manual', retention: 1_000 })
    const run = generate(fixture)
    await run.final()
    await waitUntil(async () => (await fixture.server.state()).runs[0]!.readers === 0)
    await fixture.server.advance(999)
    expect(await fixture.client.resume({ url: run.cursor!.url }).final()).toMatchObject({ text: answer })
    await waitUntil(async () => (await fixture.server.state()).runs[0]!.readers === 0)
    await fixture.server.advance(1_000)
    await expect(fixture.client.resume({ url: run.cursor!.url }).final()).rejects.toMatchObject({ code: 'expired' })
  })

  test('[P3.5] cancelling a run stops it on the server and ends it for every reader', async () => {
    const { server, client, run, result } = await openPartialRun(openManual)
    const other = client.resume(run.cursor!)
    const otherResult = other.final()
    await waitUntil(async () => (await server.state()).runs[0]!.readers === 2)
    await run.cancel()
    expect(await result).toMatchObject({ text: 'abcd', finishReason: 'cancelled' })
    expect(await otherResult).toMatchObject({ text: '', finishReason: 'cancelled' })
    expect((await server.state()).runs).toMatchObject([{ state: 'finished', text: 'abcd' }])
    expect((await server.log()).filter((line) => line.startsWith('DELETE'))).toEqual([
      `DELETE ${new URL(run.cursor!.url).pathname}`,
    ])
    await expect(client.resume({ url: run.cursor!.url }).cancel()).resolves.toBeUndefined()
  })

  test('[P3.5] cancelling a run that has already ended does not change its result', async () => {
    const { server, run, result } = await openPartialRun(openManual)
    await server.advance(10_000)
    await run.cancel()
    expect(await result).toMatchObject({ text: answer, finishReason: 'stop' })
  })

  test('[P3.5] cancelling a run before its start event identifies the run by its idempotency key', async () => {
    const scenario = { method: 'POST', 'head-delay': 1_000 }
    const fixture = await open({ answers: { '*': answer }, time: 'manual', delay: 100, scenario })
    const run = generate(fixture)
    const result = run.final()
    await waitUntil(async () => (await fixture.server.log()).length)
    await run.cancel()
    expect(await fixture.server.log()).toEqual(['POST /api/generate', 'DELETE /api/generate'])
    await fixture.server.advance(1_000)
    expect(await result).toMatchObject({ text: '', finishReason: 'cancelled' })
    expect((await fixture.server.state()).runs).toMatchObject([{ state: 'finished', text: '' }])
  })
})
