/** The writer against the reader: what was read can be written and reads the same, and what cannot be written is refused. */
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict'
import * as fc from 'fast-check'
import { type Block, createBlockParser } from '../../src/sse/parse.ts'
import { type EventFields, encodeEvent } from '../../src/sse/encode.ts'
import { utf8 } from '../sse/parse-chunks.ts'
import { type ParseResult, parseReference } from '../sse/reference.ts'
import { splitIntoChunks, chunkSizes } from './chunks.ts'
import { byteStream, textStream } from './streams.ts'
import { type FuzzTask, createTask } from './task.ts'

const read = (bytes: Uint8Array, list: number[]): ParseResult => {
  const reading: ParseResult = { blocks: [], retries: [], comments: [] }
  const parser = createBlockParser({
    onBlock: (block) => reading.blocks.push(block),
    onRetry: (ms) => reading.retries.push(ms),
    onComment: (text) => reading.comments.push(text),
  })
  splitIntoChunks(bytes, list).forEach((chunk) => parser.push(chunk))
  return reading
}

/** A name with NUL can be read and must not be written. */
const isWritable = ({ type }: Block): boolean => !type.includes('\0')

const roundTrip = fc.property(byteStream, chunkSizes, (stream, list) => {
  const { blocks } = parseReference(stream)
  for (const block of blocks.filter((one) => !isWritable(one))) {
    let error: unknown
    try {
      encodeEvent(block)
    } catch (thrown) {
      error = thrown
    }
    ok(error instanceof TypeError)
  }
  const written = blocks.filter(isWritable)
  deepStrictEqual(read(utf8(written.map(encodeEvent).join('')), list), { blocks: written, retries: [], comments: [] })
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

/** Whether every line of it can be said, as PROTOCOL.md has it: judged without the writer's own means. */
function isEncodable({ type = '', id = '', comment = '', retry = 0 }: EventFields): boolean {
  const ends = ['\r', '\n', '\0']
  return (
    ![type, id, comment].some((text) => ends.some((end) => text.includes(end))) &&
    Number.isSafeInteger(retry) &&
    retry >= 0
  )
}

/** Refused fields write nothing; the others never spill into their neighbours. */
const fields = fc.property(fc.array(anyFields, { maxLength: 8 }), chunkSizes, (list, cuts) => {
  const expected: ParseResult = { blocks: [], retries: [], comments: [] }
  let text = ''
  for (const given of list) {
    let written: string | undefined
    try {
      written = encodeEvent(given)
    } catch (error) {
      ok(error instanceof TypeError)
    }
    strictEqual(written !== undefined, isEncodable(given))
    if (written === undefined) continue
    text += written
    const { type, data, id, retry, comment } = given
    if (comment !== undefined) expected.comments.push(comment)
    if (retry !== undefined) expected.retries.push(retry + 0) // -0 is 0
    if (data === undefined && id === undefined) continue
    expected.blocks.push({ type: type || 'message', data: data?.replaceAll('\r\n', '\n').replaceAll('\r', '\n'), id })
  }
  deepStrictEqual(read(utf8(text), cuts), expected)
})

export const encodeTasks: FuzzTask[] = [
  createTask('encode/again', 200, roundTrip),
  createTask('encode/fields', 200, fields),
]
