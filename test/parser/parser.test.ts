/** The push parser of `rivulet/parser`: events with their last event ID, and callbacks that may do anything. */
import { describe, expect, test } from 'vitest'
import { type ParsedEvent, createParser, isStreamError } from '../../src/parser.ts'

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)

/** All that a parser tells, in its order. */
function listen(options: { maxEventSize?: number } = {}) {
  const received: unknown[] = []
  const parser = createParser({
    onEvent: (event) => received.push({ ...event }),
    onComment: (text) => received.push(`: ${text}`),
    onRetry: (ms) => received.push(ms),
    ...options,
  })
  return { parser, heard: received }
}

const stream =
  ': hi\n\nid: 1\nevent: price\ndata: {"a":1}\ndata: 你好👋🏽\n\nretry: 50\ndata: b\n\nid\n\ndata\n\nid: 2\ndata: dropped'
const reported = [
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
      const { parser, heard: received } = listen()
      parser.push(bytes.subarray(0, cut))
      parser.push(bytes.subarray(cut))
      parser.end()
      expect(received).toEqual(reported)
      expect(parser.lastEventId).toBe('')
    }
  })

  test('is the same byte by byte, from one buffer that is used again', () => {
    const { parser, heard: received } = listen()
    const buffer = new Uint8Array(1)
    for (const byte of bytes) {
      buffer[0] = byte
      parser.push(buffer)
    }
    expect(received).toEqual(reported)
  })

  test('is the same from text', () => {
    const { parser, heard: received } = listen()
    for (const character of stream) parser.push(character)
    expect(received).toEqual(reported)
  })

  test('[F23] an id-only block moves lastEventId without an event', () => {
    const { parser, heard: received } = listen()
    parser.push('id: 41\n\n')
    expect([received, parser.lastEventId]).toEqual([[], '41'])
  })
})

describe('end() and reset()', () => {
  test('end() drops the partial event, and the next stream goes on from the last event ID', () => {
    const { parser, heard: received } = listen()
    parser.push('id: 1\ndata: a\n\nid: 2\ndata: par')
    parser.end()
    parser.push('\uFEFFdata: b\n\n')
    expect(received).toEqual([
      { type: 'message', data: 'a', id: '1' },
      { type: 'message', data: 'b', id: '1' },
    ])
  })

  test('reset() forgets the last event ID, too', () => {
    const { parser, heard: received } = listen()
    parser.push('id: 1\ndata: a\n\ndata: par')
    parser.reset()
    parser.push('data: b\n\n')
    expect(received.at(-1)).toEqual({ type: 'message', data: 'b', id: '' })
  })
})

describe('[F28] too large an event', () => {
  test('throws after the events before it were told, and until reset()', () => {
    const { parser, heard: received } = listen({ maxEventSize: 10 })
    const tooLarge = expect.toSatisfy((error) => isStreamError(error, 'too-large')) as Error
    expect(() => parser.push(`data: a\n\ndata: ${'x'.repeat(11)}\n\n`)).toThrow(tooLarge)
    expect(received).toEqual([{ type: 'message', data: 'a', id: '' }])
    expect(() => parser.push('data: b\n\n')).toThrow(tooLarge)
    parser.reset()
    parser.push('data: c\n\n')
    expect(received.at(-1)).toEqual({ type: 'message', data: 'c', id: '' })
  })
})

describe('callbacks', () => {
  test('what one throws is thrown, and what came after it is told by the next call, once', () => {
    const received: string[] = []
    const parser = createParser({
      onEvent({ data }) {
        received.push(data)
        if (data === '2') throw new Error('of the callback')
      },
    })
    expect(() => parser.push('data: 1\n\ndata: 2\n\ndata: 3\n\ndata: 4\n\nda')).toThrow('of the callback')
    expect(received).toEqual(['1', '2'])
    parser.push('ta: 5\n\n')
    expect(received).toEqual(['1', '2', '3', '4', '5'])
  })

  test('end() tells what a throw has left', () => {
    const received: string[] = []
    const parser = createParser({
      onEvent({ data }) {
        received.push(data)
        if (data === '1') throw new Error('of the callback')
      },
    })
    expect(() => parser.push('data: 1\n\ndata: 2\n\n')).toThrow('of the callback')
    parser.end()
    expect(received).toEqual(['1', '2'])
  })

  test('each that throws is heard of, and nothing is told twice or out of its order', () => {
    const received: string[] = []
    const hear = (what: string): void => {
      received.push(what)
      if (what.endsWith('!')) throw new Error(what)
    }
    const parser = createParser({ onEvent: ({ data }) => hear(data), onComment: hear, onRetry: (ms) => hear(`${ms}!`) })
    expect(() => parser.push('data: 1!\n\ndata: 2!\n\n:3\ndata: 4\nretry: 5\n\n')).toThrow('1!')
    const buffer = encode(':6!\ndata: 7\n\n')
    expect(() => parser.push(buffer)).toThrow('2!')
    buffer.fill(0x21)
    expect(() => parser.end()).toThrow('5!')
    expect(() => parser.push('data: 8\n\n')).toThrow('6!')
    parser.push('data: 9\n\n')
    expect(received).toEqual(['1!', '2!', '3', '5!', '4', '6!', '7', '8', '9'])
  })

  test('[F28] too large an event behind a throw is thrown when what is before it was told', () => {
    const received: string[] = []
    const parser = createParser({
      onEvent({ data }) {
        received.push(data)
        if (data === '1') throw new Error('of the callback')
      },
      maxEventSize: 10,
    })
    expect(() => parser.push(`data: 1\n\ndata: 2\n\ndata: ${'x'.repeat(11)}`)).toThrow('of the callback')
    expect(() => parser.push('')).toThrow('longer than 10')
    expect(received).toEqual(['1', '2'])
  })

  test('lastEventId is as of the event that is told', () => {
    const ids: string[] = []
    const parser = createParser({ onEvent: () => ids.push(parser.lastEventId) })
    parser.push('data: 1\n\nid: a\ndata: 2\n\nid: b\n\ndata: 3\n\n')
    expect(ids).toEqual(['', 'a', 'b'])
  })

  test('one may push: behind the chunk under way, and from a buffer that is used again', () => {
    const received: string[] = []
    const buffer = encode('data: 4\n\n')
    const parser = createParser({
      onEvent({ data }) {
        received.push(data)
        if (data !== '1') return
        parser.push('ata: 3\n\n')
        parser.push(buffer)
        buffer.fill(0x21)
        expect(received).toEqual(['1'])
      },
    })
    parser.push('data: 1\n\ndata: 2\n\nd')
    expect(received).toEqual(['1', '2', '3', '4'])
  })

  test('one may end: with the chunk under way', () => {
    const received: string[] = []
    const parser = createParser({
      onEvent({ data }) {
        received.push(data)
        if (data === '1') parser.end()
      },
    })
    parser.push('data: 1\n\ndata: 2\n\ndata: dropped\n')
    parser.push('\ndata: 3\n\n')
    expect(received).toEqual(['1', '2', '3'])
  })

  test('one may reset: the rest of the chunk is told to nobody, and the next is of another stream', () => {
    const received: ParsedEvent[] = []
    const parser = createParser({
      onEvent(event) {
        received.push(event)
        if (event.data !== '1') return
        parser.reset()
        expect(parser.lastEventId).toBe('')
        parser.push('\uFEFFdata: 3\n\n')
      },
    })
    parser.push('id: a\ndata: 1\n\nid: b\ndata: 2\n\nda')
    parser.push('data: 4\n\n')
    expect(received.map(({ data, id }) => data + id)).toEqual(['1a', '3', '4'])
  })

  test('one may reset, and throw', () => {
    const received: string[] = []
    const parser = createParser({
      onEvent({ data }) {
        received.push(data)
        if (data !== '1') return
        parser.reset()
        throw new Error('of the callback')
      },
    })
    expect(() => parser.push('data: 1\n\ndata: 2\n\nda')).toThrow('of the callback')
    parser.push('data: 3\n\n')
    expect(received).toEqual(['1', '3'])
  })
})
