/** The push parser of `rivulet/parser`: events with their last event ID, and callbacks that may do anything. */
import { describe, expect, test } from 'vitest'
import { type ParsedEvent, createParser, isStreamError } from '../../src/parser.ts'

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)

/** All that a parser tells, in its order. */
function listen(options: { maxEventSize?: number } = {}) {
  const heard: unknown[] = []
  const parser = createParser({
    onEvent: (event) => heard.push({ ...event }),
    onComment: (text) => heard.push(`: ${text}`),
    onRetry: (ms) => heard.push(ms),
    ...options,
  })
  return { parser, heard }
}

const stream = ': hi\n\nid: 1\nevent: price\ndata: {"a":1}\ndata: 你好👋🏽\n\nretry: 50\ndata: b\n\nid\n\ndata\n\nid: 2\ndata: dropped'
const told = [
  ': hi',
  { type: 'price', data: '{"a":1}\n你好👋🏽', id: '1' },
  50,
  { type: 'message', data: 'b', id: '1' },
  { type: 'message', data: '', id: '' },
]

describe('what is told', () => {
  const bytes = encode(stream)

  test('is the same wherever the bytes are cut [F32]', () => {
    for (let cut = 0; cut <= bytes.length; cut++) {
      const { parser, heard } = listen()
      parser.push(bytes.subarray(0, cut))
      parser.push(bytes.subarray(cut))
      parser.end()
      expect(heard).toEqual(told)
      expect(parser.lastEventId).toBe('')
    }
  })

  test('is the same byte by byte, from one buffer that is used again', () => {
    const { parser, heard } = listen()
    const buffer = new Uint8Array(1)
    for (const byte of bytes) {
      buffer[0] = byte
      parser.push(buffer)
    }
    expect(heard).toEqual(told)
  })

  test('is the same from text', () => {
    const { parser, heard } = listen()
    for (const character of stream) parser.push(character)
    expect(heard).toEqual(told)
  })

  test('[F23] an id-only block moves lastEventId without an event', () => {
    const { parser, heard } = listen()
    parser.push('id: 41\n\n')
    expect([heard, parser.lastEventId]).toEqual([[], '41'])
  })
})

describe('end() and reset()', () => {
  test('end() drops the partial event, and the next stream goes on from the last event ID', () => {
    const { parser, heard } = listen()
    parser.push('id: 1\ndata: a\n\nid: 2\ndata: par')
    parser.end()
    parser.push('\uFEFFdata: b\n\n')
    expect(heard).toEqual([{ type: 'message', data: 'a', id: '1' }, { type: 'message', data: 'b', id: '1' }])
  })

  test('reset() forgets the last event ID, too', () => {
    const { parser, heard } = listen()
    parser.push('id: 1\ndata: a\n\ndata: par')
    parser.reset()
    parser.push('data: b\n\n')
    expect(heard.at(-1)).toEqual({ type: 'message', data: 'b', id: '' })
  })
})

describe('[F28] too large an event', () => {
  test('throws after the events before it were told, and until reset()', () => {
    const { parser, heard } = listen({ maxEventSize: 10 })
    const tooLarge = expect.toSatisfy((error) => isStreamError(error, 'too-large')) as Error
    expect(() => parser.push(`data: a\n\ndata: ${'x'.repeat(11)}\n\n`)).toThrow(tooLarge)
    expect(heard).toEqual([{ type: 'message', data: 'a', id: '' }])
    expect(() => parser.push('data: b\n\n')).toThrow(tooLarge)
    parser.reset()
    parser.push('data: c\n\n')
    expect(heard.at(-1)).toEqual({ type: 'message', data: 'c', id: '' })
  })
})

describe('callbacks', () => {
  test('what one throws is thrown, and what came after it is told by the next call, once', () => {
    const heard: string[] = []
    const parser = createParser({
      onEvent({ data }) {
        heard.push(data)
        if (data === '2') throw new Error('of the callback')
      },
    })
    expect(() => parser.push('data: 1\n\ndata: 2\n\ndata: 3\n\ndata: 4\n\nda')).toThrow('of the callback')
    expect(heard).toEqual(['1', '2'])
    parser.push('ta: 5\n\n')
    expect(heard).toEqual(['1', '2', '3', '4', '5'])
  })

  test('end() tells what a throw has left', () => {
    const heard: string[] = []
    const parser = createParser({
      onEvent({ data }) {
        heard.push(data)
        if (data === '1') throw new Error('of the callback')
      },
    })
    expect(() => parser.push('data: 1\n\ndata: 2\n\n')).toThrow('of the callback')
    parser.end()
    expect(heard).toEqual(['1', '2'])
  })

  test('one may push', () => {
    const heard: string[] = []
    const parser = createParser({
      onEvent({ data }) {
        heard.push(data)
        if (data === '1') parser.push('data: 3\n\n')
      },
    })
    parser.push('data: 1\n\ndata: 2\n\n')
    expect(heard).toEqual(['1', '2', '3'])
  })

  test('one may reset: nothing more is told', () => {
    const heard: ParsedEvent[] = []
    const parser = createParser({
      onEvent(event) {
        heard.push(event)
        parser.reset()
      },
    })
    parser.push('data: 1\n\ndata: 2\n\n')
    expect(heard).toHaveLength(1)
  })
})
