/** Encoder properties: parsed events survive a round trip, and fields that cannot be encoded are rejected. */
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict'
import * as fc from 'fast-check'
import { type EventFields, encodeEvent } from '../../src/sse/encode.ts'
import { type Block, createBlockParser } from '../../src/sse/parse.ts'
import { utf8 } from '../sse/parse-chunks.ts'
import { type ParseResult, parseReference } from '../sse/reference.ts'
import { splitIntoChunks, chunkSizes } from './chunks.ts'
import { byteStream, textStream } from './streams.ts'
import { type FuzzTask, createTask } from './task.ts'

const parse = (bytes: Uint8Array, sizes: number[]): ParseResult => {
  const result: ParseResult = { blocks: [], retries: [], comments: [] }
  const parser = createBlockParser({
    onBlock: (block) => result.blocks.push(block),
    onRetry: (ms) => result.retries.push(ms),
    onComment: (text) => result.comments.push(text),
  })
  splitIntoChunks(bytes, sizes).forEach((chunk) => parser.push(chunk))
  return result
}

/** Returns whether the block can be encoded: an event name that contains NUL can be parsed but must not be encoded. */
const isWritable = ({ type }: Block): boolean => !type.includes('\0')

const roundTrip = fc.property(byteStream, chunkSizes, (stream, sizes) => {
  const { blocks } = parseReference(stream)
  for (const block of blocks.filter((candidate) => !isWritable(candidate))) {
    let error: unknown
    try {
      encodeEvent(block)
    } catch (thrown) {
      error = thrown
    }
    ok(error instanceof TypeError)
  }
  const written = blocks.filter(isWritable)
  deepStrictEqual(parse(utf8(written.map(encodeEvent).join('')), sizes), { blocks: written, retries: [], comments: [] })
})

const line = fc.oneof(
  fc.string({ maxLength: 20 }),
  textStream.map((text) => Array.from(text).slice(0, 40).join('')),
)
const anyFields: fc.Arbitrary<EventFields> = fc.record(
  {
    type: line,
    data: textStream,
    id: line,
    retry: fc.oneof(fc.maxSafeNat(), fc.double(), fc.constantFrom(-0, 2 ** 53, 1e21)),
    comment: line,
  },
  { requiredKeys: [] },
)

/** Returns whether PROTOCOL.md allows encoding the fields, independently of the encoder's own checks. */
function isEncodable({ type = '', id = '', comment = '', retry = 0 }: EventFields): boolean {
  const forbidden = ['\r', '\n', '\0']
  return (
    ![type, id, comment].some((text) => forbidden.some((character) => text.includes(character))) &&
    Number.isSafeInteger(retry) &&
    retry >= 0
  )
}

/** Rejected events produce no output; accepted events never affect their neighbors. */
const fields = fc.property(fc.array(anyFields, { maxLength: 8 }), chunkSizes, (list, sizes) => {
  const expected: ParseResult = { blocks: [], retries: [], comments: [] }
  let text = ''
  for (const event of list) {
    let written: string | undefined
    try {
      written = encodeEvent(event)
    } catch (error) {
      ok(error instanceof TypeError)
    }
    strictEqual(written !== undefined, isEncodable(event))
    if (written === undefined) continue
    text += written
    const { type, data, id, retry, comment } = event
    if (comment !== undefined) expected.comments.push(comment)
    if (retry !== undefined) expected.retries.push(retry + 0) // turns -0 into 0
    if (data === undefined && id === undefined) continue
    expected.blocks.push({ type: type || 'message', data: data?.replaceAll('\r\n', '\n').replaceAll('\r', '\n'), id })
  }
  deepStrictEqual(parse(utf8(text), sizes), expected)
})

export const encodeTasks: FuzzTask[] = [
  createTask('encode/again', 200, roundTrip),
  createTask('encode/fields', 200, fields),
]
