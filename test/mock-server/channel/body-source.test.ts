/** The body of a response as a stream of a channel: it is read as fast as the channel takes it. */
import { expect, test } from 'vitest'
import { createBodySource } from '../../../mock-server/channel/body-source.ts'
import type { Chunk } from '../../../mock-server/stream/stream-body.ts'
import type { Sink } from '../../../server/stream/sink.ts'
import { flushMicrotasks } from '../../support/flush-microtasks.ts'

interface Recorded extends Sink {
  readonly texts: string[]
  /** How the sink was closed. */
  readonly ends: string[]
}

/** A sink that takes one write at a time. */
function createSink(): Recorded {
  const texts: string[] = []
  const ends: string[] = []
  const decoder = new TextDecoder()
  return {
    texts,
    ends,
    write(bytes) {
      texts.push(decoder.decode(bytes))
      return false
    },
    end: (reason) => void ends.push(`end ${reason}`),
    cut: (reason) => void ends.push(`cut ${reason}`),
  }
}

async function* chunksOf(texts: readonly string[], onRead: () => void = () => undefined): AsyncGenerator<Chunk, void> {
  const encoder = new TextEncoder()
  for (const text of texts) {
    onRead()
    yield { bytes: encoder.encode(text) }
  }
}

test('[P5.4] a body of 100 MB is read only as the channel takes it, and no event is lost', async () => {
  let readCount = 0
  const event = `data: ${'x'.repeat(64 * 1024)}\n\n`
  const texts = Array.from({ length: 1_600 }, () => event)
  const sink = createSink()
  const source = createBodySource({ chunks: chunksOf(texts, () => void readCount++) }, () => undefined)
  source.start(sink)
  for (let count = 1; count <= texts.length; count++) {
    await flushMicrotasks()
    expect([readCount, sink.texts.length]).toEqual([count, count])
    source.drained()
  }
  await flushMicrotasks()
  expect(sink.ends).toEqual(['end done'])
  expect(sink.texts.every((text) => text === event)).toBe(true)
})

test('[P5.3] blocks are whole and have line feeds, however the body is cut', async () => {
  const sink = createSink()
  const source = createBodySource(
    { chunks: chunksOf([': open\r\r', 'event: a\rid', ': 1\rdata: x', '\rdata: y\r\r', 'retry: 5\r\r']) },
    () => undefined,
  )
  source.start(sink)
  for (let turn = 0; turn < 5; turn++) {
    await flushMicrotasks()
    source.drained()
  }
  expect(sink.texts).toEqual(['event: a\nid: 1\ndata: x\ndata: y\n\n', 'retry: 5\n\n'])
})

test('[P5.3] an event that is too large, or whose type contains NUL, cuts the stream', async () => {
  for (const [text, end] of [
    [`data: ${'x'.repeat(17 * 1024 * 1024)}`, 'cut too-large'],
    ['event: a\0b\ndata: x\n\n', 'cut undefined'],
  ] as const) {
    const sink = createSink()
    let leftCount = 0
    createBodySource({ chunks: chunksOf([text]) }, () => void leftCount++).start(sink)
    await flushMicrotasks()
    expect([sink.texts, sink.ends, leftCount]).toEqual([[], [end], 1])
  }
})

test('a source that is left reads nothing more', async () => {
  let leftCount = 0
  const sink = createSink()
  const source = createBodySource({ chunks: chunksOf(['data: 1\n\n', 'data: 2\n\n']) }, () => void leftCount++)
  source.start(sink)
  await flushMicrotasks()
  source.leave()
  source.leave()
  source.drained()
  await flushMicrotasks()
  expect([sink.texts, sink.ends, leftCount]).toEqual([['data: 1\n\n'], [], 1])
})
