/** Properties of `fetchConnect`, with bodies that have critical bytes at slice boundaries. */
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict'
import * as fc from 'fast-check'
import { isStreamError } from '../../src/base/errors.ts'
import type { Batch, ConnectRequest } from '../../src/connect/connect.ts'
import { fetchConnect } from '../../src/connect/fetch.ts'
import { MAX_SLICE_BYTES } from '../../src/connect/read-body.ts'
import { utf8 } from '../sse/parse-chunks.ts'
import { parseReference } from '../sse/reference.ts'
import { createBody, createByteBody, bodyEnd } from './body.ts'
import { splitIntoChunks, fillerByte, chunkSizes } from './chunks.ts'
import { blocksOf, readExpected } from './expected.ts'
import { byteStream, concatBytes, shortStream, textStream } from './streams.ts'
import { type FuzzTask, createTask } from './task.ts'

/** Padding of an exact length before a slice boundary: one line, an event of many lines, or many events. */
const paddings: ((length: number) => string)[] = [
  (length) => `:${'p'.repeat(Math.max(0, length - 3))}\n\n`,
  (length) => `data: ${'p'.repeat(length)}`.slice(0, length),
  (length) => 'data: p\n'.repeat(length / 8 + 1).slice(-length),
  (length) => 'id: 1\ndata: {"p":1}\n\n'.repeat(length / 21 + 1).slice(-length),
  (length) => 'event: p\r\ndata: 1\r\n\r\n'.repeat(length / 21 + 1).slice(-length),
]
const padding = fc
  .tuple(fc.constantFrom(...paddings), fc.integer({ min: 1, max: 2 }), fc.integer({ min: -12, max: 2 }))
  .map(([pad, slices, offset]) => utf8(pad(slices * MAX_SLICE_BYTES + offset)))

/** Chunk sizes around multiples of the slice size, and others. */
const bodySizes = fc.oneof(
  fc.array(
    fc.constantFrom(
      MAX_SLICE_BYTES - 1,
      MAX_SLICE_BYTES,
      MAX_SLICE_BYTES + 1,
      2 * MAX_SLICE_BYTES - 1,
      2 * MAX_SLICE_BYTES,
      2 * MAX_SLICE_BYTES + 1,
      0,
      1,
    ),
    {
      minLength: 1,
      maxLength: 5,
    },
  ),
  fc.array(fc.integer({ min: 1000, max: 40_000 }), { minLength: 1, maxLength: 3 }),
  chunkSizes.filter((list) => list.some((size) => size > 31)),
)

const request = (maxEventSize: number): ConnectRequest => ({
  url: 'https://api.test/stream',
  method: 'GET',
  headers: [],
  credentialHeaders: [],
  maxEventSize,
  signal: new AbortController().signal,
})

/** Reads a connection over these chunks to its end; returns the batches and the error, if any. */
async function readConnection(
  chunks: Uint8Array[],
  end: 'close' | 'fail',
  filler: number,
  maxEventSize = 0x1000000,
  create: typeof createByteBody = createBody,
) {
  const body = create(chunks, end, filler)
  const connection = await fetchConnect(async () => new Response(body.stream))(request(maxEventSize))
  const batches: Batch[] = []
  let error: unknown
  try {
    for (let batch = await connection.read(); batch; batch = await connection.read()) batches.push(batch)
  } catch (thrown) {
    error = thrown
  }
  return { batches, blocks: batches.flatMap((batch) => batch.blocks), error, failure: body.failure }
}

const paddedStream = fc
  .tuple(padding, shortStream, fc.option(padding, { nil: new Uint8Array() }), shortStream)
  .map(concatBytes)

const slices = fc.asyncProperty(
  fc.oneof({ weight: 3, arbitrary: paddedStream }, { weight: 1, arbitrary: byteStream }),
  bodySizes,
  bodyEnd,
  fillerByte,
  async (stream, list, end, filler) => {
    const chunks = splitIntoChunks(stream, list)
    const { batches, blocks, error, failure } = await readConnection(chunks, end, filler)
    const expected = parseReference(stream)
    deepStrictEqual(blocks, expected.blocks)
    if (end === 'close') strictEqual(error, undefined)
    else ok(isStreamError(error, 'network') && error.cause === failure, String(error))
    const { unfinished } = batches.at(-1) ?? {}
    deepStrictEqual(
      batches.map(({ bytes }) => bytes),
      [
        ...chunks
          .flatMap((chunk) => splitIntoChunks(chunk, [MAX_SLICE_BYTES]).map(({ length }) => length))
          .filter(Boolean),
        // What the end of the body cuts off has been counted before.
        ...(unfinished ? [0] : []),
      ],
    )
    strictEqual(batches.findLast(({ retry }) => retry !== undefined)?.retry, expected.retries.at(-1))
  },
)

const limits = fc.asyncProperty(
  fc.tuple(padding, textStream.map(utf8)).map(concatBytes),
  bodySizes,
  fillerByte,
  fc.oneof(
    fc.nat(300),
    fc.integer({ min: MAX_SLICE_BYTES - 20, max: MAX_SLICE_BYTES + 20 }),
    fc.integer({ min: 0, max: 3 * MAX_SLICE_BYTES }),
  ),
  async (stream, list, filler, maxEventSize) => {
    const { items, tooLarge } = readExpected(stream, maxEventSize, false)
    const { blocks, error } = await readConnection(splitIntoChunks(stream, list), 'close', filler, maxEventSize)
    deepStrictEqual(blocks, blocksOf(items))
    if (tooLarge) ok(isStreamError(error, 'too-large'), String(error))
    else strictEqual(error, undefined)
  },
)

/** No small sizes: in Node, each chunk's round trip through a byte stream takes microseconds, which would add up. */
const largeSizes = bodySizes.map((list) => list.map((size) => Math.max(size, 500)))
const bytes = fc.asyncProperty(paddedStream, largeSizes, bodyEnd, fillerByte, async (stream, list, end, filler) => {
  const { batches, blocks, error, failure } = await readConnection(
    splitIntoChunks(stream, list),
    end,
    filler,
    undefined,
    createByteBody,
  )
  deepStrictEqual(blocks, parseReference(stream).blocks)
  if (end === 'close') strictEqual(error, undefined)
  else ok(isStreamError(error, 'network') && error.cause === failure, String(error))
  strictEqual(
    batches.reduce((sum, batch) => sum + batch.bytes, 0),
    stream.length,
  )
})

export const connectTasks: FuzzTask[] = [
  createTask('connect/slices', 60, slices),
  createTask('connect/bytes', 20, bytes),
  createTask('connect/limits', 30, limits),
]
