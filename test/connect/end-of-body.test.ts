/** The end of a body: what it cuts off is the last batch of the connection. */
import { expect, test } from 'vitest'
import type { Batch, ConnectRequest } from '../../src/connect/connect.ts'
import { fetchConnect } from '../../src/connect/fetch.ts'

const REQUEST: ConnectRequest = {
  url: 'https://api.test/',
  method: 'GET',
  headers: [],
  credentialHeaders: [],
  maxEventSize: 1_000,
  signal: new AbortController().signal,
}

/** Reads a body that arrives in these chunks, and returns its batches. */
async function readBody(...chunks: string[]): Promise<Batch[]> {
  const body = new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk))
      controller.close()
    },
  })
  const connection = await fetchConnect(async () => new Response(body))(REQUEST)
  const batches: Batch[] = []
  for (let batch; (batch = await connection.read());) batches.push(batch)
  return batches
}

test.each([
  ['data: tail', { type: 'message', data: 'tail', id: undefined }],
  ['data: tail\n', { type: 'message', data: 'tail', id: undefined }],
  ['data: tail\r', { type: 'message', data: 'tail', id: undefined }],
  ['event: x\nid: 7\ndata: a\ndata: b', { type: 'x', data: 'a\nb', id: '7' }],
  ['id: 7', { type: 'message', data: undefined, id: '7' }],
  ['event: x\n', { type: '', data: undefined, id: undefined }],
  ['dat', { type: '', data: undefined, id: undefined }],
  ['{"error":{}}', { type: 'message', data: '{"error":{}}\n', id: undefined }],
  ['{\r\n  "error": {}\r\n}\r\n', { type: 'message', data: '{\n  "error": {}\n}\n', id: undefined }],
])('after a complete event, %j is left over, however it is cut', async (rest, unfinished) => {
  const text = `data: a\n\n${rest}`
  for (let cut = 0; cut <= text.length; cut++) {
    const batches = await readBody(text.slice(0, cut), text.slice(cut))
    expect(batches.flatMap(({ blocks }) => blocks)).toEqual([{ type: 'message', data: 'a', id: undefined }])
    expect(batches.at(-1)).toEqual({ blocks: [], bytes: 0, unfinished })
  }
})

test.each(['', '\n', '\r\n\r\n', 'unknown: {}\n', ': comment', ': comment\n', ':', ': comment\n\n'])(
  'after a complete event, nothing is left over by %j, however it is cut',
  async (rest) => {
    const text = `data: a\n\n${rest}`
    for (let cut = 0; cut <= text.length; cut++) {
      const batches = await readBody(text.slice(0, cut), text.slice(cut))
      expect(batches.filter(({ unfinished }) => unfinished)).toEqual([])
    }
  },
)

test('JSON without field names is kept up to 16 KiB', async () => {
  const [last] = (await readBody('{\n', `"${'x'.repeat(500)}"\n`.repeat(100))).slice(-1)
  expect(last!.unfinished?.data).toHaveLength(0x4000)
})

test('a long comment without its line end leaves nothing over, however it is cut', async () => {
  const comment = `:${'x'.repeat(3_000)}`
  for (const cut of [1, 500, 1_500, 2_500]) {
    const batches = await readBody('data: a\n\n', comment.slice(0, cut), comment.slice(cut))
    expect(batches.filter(({ unfinished }) => unfinished)).toEqual([])
  }
})

test('a body of bytes whose chunks are read into one buffer ends once', async () => {
  let chunks = 3
  const body = new ReadableStream({
    type: 'bytes',
    pull(controller) {
      if (chunks-- > 0) controller.enqueue(new TextEncoder().encode(`data: ${'x'.repeat(100_000)}\n\n`))
      else {
        controller.close()
        controller.byobRequest?.respond(0)
      }
    },
  })
  const connection = await fetchConnect(async () => new Response(body))({ ...REQUEST, maxEventSize: 200_000 })
  const sizes: number[] = []
  for (let batch; (batch = await connection.read());) sizes.push(...batch.blocks.map(({ data }) => data!.length))
  expect(sizes).toEqual([100_000, 100_000, 100_000])
  expect(await connection.read()).toBeNull()
})
