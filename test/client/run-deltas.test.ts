/** Deltas of a run: rich deltas, resets, compaction, and other runs in the place of this one. */
import { describe, expect, test } from 'vitest'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { delta, end, start } from '../support/native-events.ts'
import type { ScriptedBlock } from '../support/scripted-connect.ts'
import { createTestClient } from '../support/test-client.ts'
import { trapUnhandled } from '../support/unhandled.ts'

trapUnhandled()

/** Creates a delta with any fields. */
const richDelta = (index: number, fields: Record<string, unknown>): ScriptedBlock => ({
  type: 'delta',
  data: JSON.stringify({ ...fields, index }),
  id: `r1:${index}`,
})

const open = async () => {
  const testClient = createTestClient()
  const run = testClient.client.stream('/api/generate', { json: {} })
  return { ...testClient, run, connection: await testClient.open() }
}

test('[P3.6] deltas of other types go to on("delta"), not to the loop or the text, and leave no gap', async () => {
  const { run, connection } = await open()
  const types: unknown[] = []
  run.on('delta', ({ data }) => types.push((data as { type?: string }).type ?? 'text'))
  const contents: string[] = []
  const reading = (async () => {
    for await (const { content } of run) contents.push(content)
  })()
  connection.send(
    start(),
    richDelta(0, { type: 'reasoning', block: 0, content: 'hm' }),
    delta(1, 'a'),
    richDelta(2, { type: 'tool-call', block: 2, name: 'weather', args: '{}' }),
    richDelta(3, { type: 'text', block: 1, content: 'b' }),
    end({ finishReason: 'tool-calls', rawFinishReason: 'tool_use' }),
  )
  await reading
  expect(contents).toEqual(['a', 'b'])
  expect(types).toEqual(['reasoning', 'text', 'tool-call', 'text'])
  expect(await run.final()).toEqual({ text: 'ab', finishReason: 'tool-calls', rawFinishReason: 'tool_use' })
})

test('[P3.7] a reset delta fails with code expired and the text so far, and the run is not requested again', async () => {
  const { run, connection, network, clock } = await open()
  const final = run.final()
  final.catch(() => {})
  connection.send(start(), delta(0, 'a'), richDelta(1, { type: 'reset', from: 0 }), delta(2, 'b'))
  await clock.advance(60_000)
  await expect(final).rejects.toMatchObject({ code: 'expired', partial: 'a', retryable: false })
  expect(network.attempts.length).toBe(1)
})

describe('[P3.8] compaction', () => {
  test('a delta that covers several positions moves the index by its count', async () => {
    const { run, connection, network, clock } = await open()
    const final = run.final()
    connection.send(start(), delta(0, 'a'), richDelta(1, { content: 'bcd', count: 3 }))
    connection.disconnect()
    await flushMicrotasks()
    expect(run.cursor).toMatchObject({ index: 4, lastEventId: 'r1:1' })
    await clock.advance(1_000)
    network.last.respond().send(richDelta(0, { content: 'abcd', count: 4 }), delta(4, 'e'), end())
    expect((await final).text).toBe('abcde')
  })

  test('a delta that covers only partly what was received is requested once more without compaction', async () => {
    const { run, connection, network, clock } = await open()
    const final = run.final()
    connection.send(start({ resume: '/r?run=r1' }), delta(0, 'a'), delta(1, 'b'))
    connection.disconnect()
    await clock.advance(1_000)
    expect(network.last.request.url).toBe('https://api.test/r?run=r1')
    network.last.respond().send(richDelta(1, { content: 'bc', count: 2 }))
    await clock.advance(2_000)
    expect(network.last.request).toMatchObject({ url: 'https://api.test/r?run=r1&compact=0', lastEventId: 'r1:1' })
    network.last.respond().send(delta(2, 'c'), end())
    expect((await final).text).toBe('abc')
  })

  test('a second delta that covers only partly what was received fails with code gap', async () => {
    const { run, connection, network, clock } = await open()
    const final = run.final()
    final.catch(() => {})
    connection.send(start(), delta(0, 'a'), delta(1, 'b'))
    for (let connections = 0; connections < 2; connections++) {
      connection.disconnect()
      await clock.advance(30_000)
      network.last.respond().send(richDelta(1, { content: 'bc', count: 2 }))
      await clock.advance(30_000)
    }
    await expect(final).rejects.toMatchObject({ code: 'gap', partial: 'ab', retryable: false })
  })

  test.each([0, -1, 1.5, '2', null])('a delta with the count %j fails with code invalid-data', async (count) => {
    const { run, connection } = await open()
    const final = run.final()
    connection.send(start(), richDelta(0, { content: 'a', count }))
    await expect(final).rejects.toMatchObject({ code: 'invalid-data' })
  })
})

describe('[P3.3] a different run in the place of this one', () => {
  test('a start event with a different streamId fails with code expired and mixes no text', async () => {
    const { run, connection, network, clock } = await open()
    const final = run.final()
    final.catch(() => {})
    connection.send(start({ streamId: 's' }), delta(0, 'a'), delta(1, 'b'))
    connection.disconnect()
    await clock.advance(1_000)
    network.last.respond().send(start({ streamId: 't' }), delta(0, 'X'), delta(1, 'Y'), delta(2, 'Z'), end())
    await expect(final).rejects.toMatchObject({ code: 'expired', partial: 'ab' })
    expect(run.text).toBe('ab')
  })

  test.each([
    [undefined, undefined],
    ['s', undefined],
    [undefined, 't'],
  ])(
    'after a delta, a start with the streamId %s followed by one with %s fails with code expired',
    async (one, two) => {
      const { run, connection, network, clock } = await open()
      const final = run.final()
      final.catch(() => {})
      connection.send(start({ streamId: one }), delta(0, 'a'))
      connection.disconnect()
      await clock.advance(1_000)
      network.last.respond().send(start({ streamId: two }), delta(0, 'a'), delta(1, 'b'), end())
      await expect(final).rejects.toMatchObject({ code: 'expired', partial: 'a' })
    },
  )

  test('before the first delta, a start without a streamId may be repeated', async () => {
    const { run, connection, network, clock } = await open()
    const final = run.final()
    connection.send(start({ streamId: undefined }))
    connection.disconnect()
    await clock.advance(1_000)
    network.last.respond().send(start({ streamId: undefined }), delta(0, 'a'), end())
    expect((await final).text).toBe('a')
  })

  test('a run resumed from a cursor with a streamId fails with code expired if the server has another run', async () => {
    const { client, network } = createTestClient()
    const cursor = { v: 2, url: 'https://api.test/r', lastEventId: 'r1:1', index: 2, streamId: 's' } as const
    const final = client.resume(cursor).final()
    final.catch(() => {})
    await flushMicrotasks()
    network.last.respond().send(start({ streamId: 't' }), delta(0, 'X'), delta(1, 'Y'), delta(2, 'Z'), end())
    await expect(final).rejects.toMatchObject({ code: 'expired', partial: '' })
  })

  test('a cursor of a different protocol throws a TypeError', () => {
    const { client } = createTestClient()
    expect(() => client.resume({ v: 2, url: '/r', protocol: 'other' })).toThrow(TypeError)
  })
})
