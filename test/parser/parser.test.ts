/** Tests of the push parser in `rivulet/parser`: last event IDs, and callbacks that throw or call the parser. */
import { describe, expect, test } from 'vitest'
import { type ParsedEvent, createParser, isStreamError } from '../../src/parser.ts'

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Creates a parser and records its callback calls in order. */
function createRecordedParser(options: { maxEventSize?: number } = {}) {
  const received: unknown[] = []
  const parser = createParser({
    onEvent: (event) => received.push({ ...event }),
    onComment: (text) => received.push(`: ${text}`),
    onRetry: (ms) => received.push(ms),
    ...options,
  })
  return { parser, received }
}

const stream =
  ': hi\n\nid: 1\nevent: price\ndata: {"a":1}\ndata: 你好👋🏽\n\nretry: 50\ndata: b\n\nid\n\ndata\n\nid: 2\ndata: dropped'
const expected = [
  ': hi',
  { type: 'price', data: '{"a":1}\n你好👋🏽', id: '1' },
  50,
  { type: 'message', data: 'b', id: '1' },
  { type: 'message', data: '', id: '' },
]

describe('the reported events', () => {
  const bytes = encode(stream)

  test('events do not depend on where the bytes are cut [F32]', () => {
    for (let cut = 0; cut <= bytes.length; cut++) {
      const { parser, received } = createRecordedParser()
      parser.push(bytes.subarray(0, cut))
      parser.push(bytes.subarray(cut))
      parser.end()
      expect(received).toEqual(expected)
      expect(parser.lastEventId).toBe('')
    }
  })

  test('events are the same if single bytes are pushed in one reused buffer', () => {
    const { parser, received } = createRecordedParser()
    const buffer = new Uint8Array(1)
    for (const byte of bytes) {
      buffer[0] = byte
      parser.push(buffer)
    }
    expect(received).toEqual(expected)
  })

  test('events are the same if text is pushed', () => {
    const { parser, received } = createRecordedParser()
    for (const character of stream) parser.push(character)
    expect(received).toEqual(expected)
  })

  test('[F23] a block with only an id updates lastEventId without an event', () => {
    const { parser, received } = createRecordedParser()
    parser.push('id: 41\n\n')
    expect([received, parser.lastEventId]).toEqual([[], '41'])
  })
})

describe('end() and reset()', () => {
  test('end() discards the partial event and keeps the last event ID for the next stream', () => {
    const { parser, received } = createRecordedParser()
    parser.push('id: 1\ndata: a\n\nid: 2\ndata: par')
    parser.end()
    parser.push('\uFEFFdata: b\n\n')
    expect(received).toEqual([
      { type: 'message', data: 'a', id: '1' },
      { type: 'message', data: 'b', id: '1' },
    ])
  })

  test('reset() discards the partial event and the last event ID', () => {
    const { parser, received } = createRecordedParser()
    parser.push('id: 1\ndata: a\n\ndata: par')
    parser.reset()
    parser.push('data: b\n\n')
    expect(received.at(-1)).toEqual({ type: 'message', data: 'b', id: '' })
  })
})

describe('[F28] maxEventSize', () => {
  test('push() reports the events before an oversized event, then throws on every call until reset()', () => {
    const { parser, received } = createRecordedParser({ maxEventSize: 10 })
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
  test('push() rethrows a callback error, and the next call reports the remaining events once', () => {
    const received: string[] = []
    const parser = createParser({
      onEvent({ data }) {
        received.push(data)
        if (data === '2') throw new Error('callback failed')
      },
    })
    expect(() => parser.push('data: 1\n\ndata: 2\n\ndata: 3\n\ndata: 4\n\nda')).toThrow('callback failed')
    expect(received).toEqual(['1', '2'])
    parser.push('ta: 5\n\n')
    expect(received).toEqual(['1', '2', '3', '4', '5'])
  })

  test('end() reports the events that a callback error has delayed', () => {
    const received: string[] = []
    const parser = createParser({
      onEvent({ data }) {
        received.push(data)
        if (data === '1') throw new Error('callback failed')
      },
    })
    expect(() => parser.push('data: 1\n\ndata: 2\n\n')).toThrow('callback failed')
    parser.end()
    expect(received).toEqual(['1', '2'])
  })

  test('every callback error is rethrown, and no event is repeated or out of order', () => {
    const received: string[] = []
    const record = (text: string): void => {
      received.push(text)
      if (text.endsWith('!')) throw new Error(text)
    }
    const parser = createParser({
      onEvent: ({ data }) => record(data),
      onComment: record,
      onRetry: (ms) => record(`${ms}!`),
    })
    expect(() => parser.push('data: 1!\n\ndata: 2!\n\n:3\ndata: 4\nretry: 5\n\n')).toThrow('1!')
    const buffer = encode(':6!\ndata: 7\n\n')
    expect(() => parser.push(buffer)).toThrow('2!')
    buffer.fill(0x21)
    expect(() => parser.end()).toThrow('5!')
    expect(() => parser.push('data: 8\n\n')).toThrow('6!')
    parser.push('data: 9\n\n')
    expect(received).toEqual(['1!', '2!', '3', '5!', '4', '6!', '7', '8', '9'])
  })

  test('[F28] after a callback error, a too-large error is thrown only when all earlier events have been reported', () => {
    const received: string[] = []
    const parser = createParser({
      onEvent({ data }) {
        received.push(data)
        if (data === '1') throw new Error('callback failed')
      },
      maxEventSize: 10,
    })
    expect(() => parser.push(`data: 1\n\ndata: 2\n\ndata: ${'x'.repeat(11)}`)).toThrow('callback failed')
    expect(() => parser.push('')).toThrow('exceeds 10')
    expect(received).toEqual(['1', '2'])
  })

  test('lastEventId within onEvent belongs to the current event', () => {
    const ids: string[] = []
    const parser = createParser({ onEvent: () => ids.push(parser.lastEventId) })
    parser.push('data: 1\n\nid: a\ndata: 2\n\nid: b\n\ndata: 3\n\n')
    expect(ids).toEqual(['', 'a', 'b'])
  })

  test('push() in a callback copies the pushed buffer and takes effect after the current chunk', () => {
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

  test('end() in a callback takes effect after the current chunk', () => {
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

  test('reset() in a callback discards the rest of the chunk and starts a new stream', () => {
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

  test('a callback can call reset() and throw', () => {
    const received: string[] = []
    const parser = createParser({
      onEvent({ data }) {
        received.push(data)
        if (data !== '1') return
        parser.reset()
        throw new Error('callback failed')
      },
    })
    expect(() => parser.push('data: 1\n\ndata: 2\n\nda')).toThrow('callback failed')
    parser.push('data: 3\n\n')
    expect(received).toEqual(['1', '3'])
  })
})
