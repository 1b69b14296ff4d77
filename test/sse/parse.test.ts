/** Tests of the parser, by section of the standard. Each case is parsed whole, byte by byte, and cut at every offset. */
import { describe, expect, test } from 'vitest'
import { isStreamError } from '../../src/base/errors.ts'
import { createBlockParser } from '../../src/sse/parse.ts'
import type { Block } from '../../src/sse/parse.ts'
import { cutAt, everyCut, parseChunks, utf8 } from './parse-chunks.ts'
import type { ParseOutcome } from './parse-chunks.ts'
import type { ParseResult } from './reference.ts'

const event = (data: string | undefined, type = 'message', id?: string): Block => ({ type, data, id })

interface Case extends Partial<ParseResult> {
  name: string
  stream: string | Uint8Array
}

/** Adds one test per case: the result must be the same for all ways of chunking. */
function cases(list: Case[]): void {
  for (const { name, stream, blocks = [], retries = [], comments = [] } of list) {
    test(name, () => {
      const bytes = typeof stream === 'string' ? utf8(stream) : stream
      for (const [cut, chunks] of everyCut(bytes)) {
        expect(parseChunks(chunks), cut).toEqual({ blocks, retries, comments })
      }
      if (typeof stream !== 'string') return
      for (let at = 0; at <= stream.length; at++) {
        expect(parseChunks([stream.slice(0, at), stream.slice(at)]), `text cut at ${at}`).toEqual({
          blocks,
          retries,
          comments,
        })
      }
    })
  }
}

// https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
describe('parsing an event stream', () => {
  cases([
    { name: 'an empty stream has no events', stream: '' },
    { name: 'LF ends lines', stream: 'data: a\n\ndata: b\n\n', blocks: [event('a'), event('b')] },
    { name: '[F32] CR ends lines', stream: 'data: a\r\rdata: b\r\r', blocks: [event('a'), event('b')] },
    { name: '[F32] CRLF ends lines', stream: 'data: a\r\n\r\ndata: b\r\n\r\n', blocks: [event('a'), event('b')] },
    {
      name: '[F32] line ends can be mixed',
      stream: 'data: a\n\rdata: b\r\n\ndata: c\r\n\rdata: d\n\r\ndata: e\r\r\ndata: f\r\n\r\n',
      blocks: ['a', 'b', 'c', 'd', 'e', 'f'].map((data) => event(data)),
    },
    {
      name: '[F32] the LF of a CRLF is not a blank line',
      stream: 'data: a\r\ndata: b\r\n\r\n',
      blocks: [event('a\nb')],
    },
    { name: '[F32] LF CR counts as two line ends', stream: 'data: a\n\rdata: b\n\n', blocks: [event('a'), event('b')] },
    { name: '[F32] a byte order mark at the start is dropped', stream: '\uFEFFdata: a\n\n', blocks: [event('a')] },
    {
      name: '[F32] a second byte order mark is part of the field name',
      stream: '\uFEFF\uFEFFdata: a\n\ndata: b\n\n',
      blocks: [event('b')],
    },
    {
      name: '[F32] a byte order mark after the start is text',
      stream: 'data: \uFEFFa\n\n\uFEFFdata: b\n\ndata: c\n\n',
      blocks: [event('\uFEFFa'), event('c')],
    },
    { name: 'a stream of only a byte order mark has no events', stream: '\uFEFF' },
    {
      name: 'a blank line after the byte order mark is ignored',
      stream: '\uFEFF\n\ndata: a\n\n',
      blocks: [event('a')],
    },
    {
      name: 'characters of two, three and four bytes are decoded',
      stream: 'data: é你😀\n\n',
      blocks: [event('é你😀')],
    },
    {
      name: '[F8] invalid UTF-8 becomes U+FFFD',
      stream: Uint8Array.of(...utf8('data: '), 0xff, 0x61, 0xe4, 0xbd, 0x62, 0xc0, 0x80, 0x0a, 0x0a),
      blocks: [event('\uFFFDa\uFFFDb\uFFFD\uFFFD')],
    },
    {
      name: '[F8] a line end inside an incomplete character still ends the line',
      stream: Uint8Array.of(...utf8('data: '), 0xe4, 0xbd, 0x0a, 0x0a, ...utf8('data: b\n\n')),
      blocks: [event('\uFFFD'), event('b')],
    },
    {
      name: 'NEL, LS and PS are not line ends',
      stream: 'data: a\u0085b\u2028c\u2029d\n\n',
      blocks: [event('a\u0085b\u2028c\u2029d')],
    },
  ])
})

// https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
describe('interpreting an event stream', () => {
  cases([
    {
      name: 'a line that starts with a colon is a comment',
      stream: ': a\n:b\n:\n:  c\n\n',
      comments: ['a', 'b', '', ' c'],
    },
    {
      name: '[F24] a comment is not an event',
      stream: ': heartbeat\n\n: heartbeat\n\n',
      comments: ['heartbeat', 'heartbeat'],
    },
    {
      name: 'a comment inside an event does not affect the event',
      stream: 'data: a\n: b\ndata: c\n\n',
      blocks: [event('a\nc')],
      comments: ['b'],
    },
    {
      name: '[F32] the space after the colon is optional',
      stream: 'data:a\nevent:b\nid:c\n\n',
      blocks: [event('a', 'b', 'c')],
    },
    {
      name: '[F32] only one space after the colon is dropped',
      stream: 'data:  a\nevent:  b\nid:  c\n\n',
      blocks: [event(' a', ' b', ' c')],
    },
    { name: 'a tab after the colon is kept', stream: 'data:\ta\n\n', blocks: [event('\ta')] },
    {
      name: 'a value may contain colons',
      stream: 'data: a:b: c\nid: d:e\n\n',
      blocks: [event('a:b: c', 'message', 'd:e')],
    },
    {
      name: '[F32] a field without a colon has an empty value',
      stream: 'data\n\nid\ndata\ndata\n\nevent: a\nevent\ndata: b\n\n',
      blocks: [event(''), event('\n', 'message', ''), event('b')],
    },
    {
      name: '[F32] unknown fields are ignored',
      stream:
        'foo: a\ndatas: b\ndat: c\n data: d\nData: e\nDATA: f\nids: g\ni: h\nevents: i\neven: j\nretryy: 1\nfoo\ndata: k\n\n',
      blocks: [event('k')],
    },
    {
      name: 'a field name followed by a space is an unknown field',
      stream: 'data : a\nid : b\nevent : c\n\ndata: d\n\n',
      blocks: [event('d')],
    },
    {
      name: 'the last event field wins, and an empty event field means message',
      stream: 'event: a\nevent: b\ndata: c\n\nevent: a\nevent:\ndata: d\n\n',
      blocks: [event('c', 'b'), event('d')],
    },
    {
      name: 'the type does not carry over to the next event',
      stream: 'event: a\ndata: b\n\ndata: c\n\n',
      blocks: [event('b', 'a'), event('c')],
    },
    {
      name: 'a block with a type but without data is dropped',
      stream: 'event: a\n\ndata: b\n\n',
      blocks: [event('b')],
    },
    { name: 'data lines are joined by LF', stream: 'data: a\ndata:\ndata: b\ndata: \n\n', blocks: [event('a\n\nb\n')] },
    {
      name: 'fields can come in any order',
      stream: 'id: 1\ndata: a\nevent: b\ndata: c\n\n',
      blocks: [event('a\nc', 'b', '1')],
    },
    {
      name: '[F31] names of object properties are plain text',
      stream: 'event: __proto__\ndata: {"__proto__":1}\nid: constructor\n\nevent: toString\ndata: a\n\n',
      blocks: [event('{"__proto__":1}', '__proto__', 'constructor'), event('a', 'toString')],
    },
    {
      name: '[F31] an event named error is an ordinary event',
      stream: 'event: error\ndata: a\n\n',
      blocks: [event('a', 'error')],
    },
  ])

  describe('id', () => {
    cases([
      {
        name: '[F22] an id can have characters beyond Latin-1',
        stream: 'id: 日本\ndata: a\n\n',
        blocks: [event('a', 'message', '日本')],
      },
      {
        name: '[F23] an id with NUL is ignored, and an earlier id in the block is kept',
        stream: 'id: a\0b\ndata: c\n\nid: d\nid: \0\ndata: e\n\n',
        blocks: [event('c'), event('e', 'message', 'd')],
      },
      {
        name: '[F23] NUL in other fields is text',
        stream: 'data: \0\nevent: \0\nid: a\n\n',
        blocks: [event('\0', '\0', 'a')],
      },
      {
        name: '[F23] a block with only an id is reported',
        stream: 'id: a\n\nevent: b\nid: c\n\n',
        blocks: [event(undefined, 'message', 'a'), event(undefined, 'b', 'c')],
      },
      { name: '[F23] a block that contains only an id with NUL is not reported', stream: 'id: \0\n\n' },
      {
        name: '[F23] an empty id is reported as an empty string',
        stream: 'id:\ndata: a\n\nid: \ndata: b\n\nid\n\n',
        blocks: [event('a', 'message', ''), event('b', 'message', ''), event(undefined, 'message', '')],
      },
      {
        name: 'the id does not carry over to the next block',
        stream: 'id: a\ndata: b\n\ndata: c\n\n',
        blocks: [event('b', 'message', 'a'), event('c')],
      },
    ])
  })

  describe('retry', () => {
    cases([
      {
        name: '[F20] a retry of ASCII digits is reported as the reconnection time',
        stream: 'retry: 1000\nretry:5\nretry: 0\nretry: 007\n\n',
        retries: [1000, 5, 0, 7],
      },
      {
        name: '[F20] numbers that exceed the timer range are reported as sent',
        stream: 'retry: 99999999999\n',
        retries: [99999999999],
      },
      {
        name: '[F20] a retry that contains anything but ASCII digits is ignored',
        stream:
          'retry: 1e1\nretry: -5\nretry: +5\nretry: 10ms\nretry: 1.5\nretry: 0x10\nretry:  5\nretry: 5 \nretry: ٣\nretry:\nretry\nretry: \n\n',
      },
      {
        name: 'a retry is reported before the block ends, and is not an event',
        stream: 'retry: 1\ndata: a',
        retries: [1],
      },
    ])
  })

  describe('the end of the stream', () => {
    cases([
      {
        name: '[F1] an event without a closing blank line is dropped',
        stream: 'data: a\n\nid: 1\ndata: b\n',
        blocks: [event('a')],
      },
      {
        name: '[F1] an event that is cut off within a line is dropped',
        stream: 'data: a\n\ndata: b',
        blocks: [event('a')],
      },
      { name: '[F24] a block without data is dropped', stream: 'event: a\n\n\n\n\r\n\r\n' },
    ])
  })
})

describe('chunks', () => {
  test('an event is reported with the chunk that completes the blank line, even if that chunk ends in CR', () => {
    for (const end of ['\n\n', '\r\r', '\r\n\r\n', '\r\n\r']) {
      const blocks: Block[] = []
      const parser = createBlockParser({ onBlock: (block) => blocks.push(block) })
      parser.push(utf8(`data: a${end}`))
      expect(blocks, JSON.stringify(end)).toEqual([event('a')])
    }
  })

  test('empty chunks have no effect', () => {
    expect(parseChunks([utf8('data: a\r'), utf8(''), '', utf8('\n'), '', utf8('\r\n')]).blocks).toEqual([event('a')])
  })

  test('text and byte chunks can be mixed', () => {
    expect(parseChunks([utf8('da'), 'ta: a', utf8('b'), '\n', utf8('\ndata'), ': c\n\n']).blocks).toEqual([
      event('ab'),
      event('c'),
    ])
  })

  test('a view of a larger buffer is read within its bounds', () => {
    const buffer = utf8('xxdata: a\n\nyy')
    expect(parseChunks([buffer.subarray(2, 11)]).blocks).toEqual([event('a')])
  })

  test('the chunk size does not affect the result, even for lines longer than the internal buffer', () => {
    const text = Array.from({ length: 40 }, (_, n) => `id: ${n}\ndata: ${'é你😀a'.repeat(n * 11)}\n\n`).join('')
    const bytes = utf8(text)
    const whole = parseChunks([bytes])
    expect(whole.blocks).toHaveLength(40)
    for (const size of [2, 3, 5, 31, 95, 96, 97, 127, 128, 129, 500, 1023, 1024, 1025, 5000]) {
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) =>
        bytes.slice(n * size, (n + 1) * size),
      )
      expect(parseChunks(chunks), `${size} bytes`).toEqual(whole)
    }
  })

  // A parser that copies or searches all buffered text for each chunk would need minutes for the next two tests, and
  // time out.
  test('[F29] an event of nearly 16 MiB in chunks of 1 KiB is parsed in linear time', () => {
    const chunk = new Uint8Array(1024).fill(0x61)
    const chunks = [utf8('data: '), ...Array.from({ length: 16_383 }, () => chunk), utf8('\n\n')]
    expect(parseChunks(chunks).blocks.map(({ data }) => data?.length)).toEqual([16_383 * 1024])
  })

  test('[F29] an event of nearly 16 MiB in lines of 1 KiB is parsed in linear time', () => {
    const chunk = utf8(`data: ${'a'.repeat(1017)}\n`)
    const { blocks } = parseChunks([...Array.from({ length: 16_383 }, () => chunk), utf8('\n')])
    expect(blocks.map(({ data }) => data?.length)).toEqual([16_383 * 1018 - 1])
  })

  test('[F29] a million tiny events are all reported', () => {
    const chunk = utf8('data: a\n\n'.repeat(1000))
    let events = 0
    const parser = createBlockParser({ onBlock: ({ data }) => (events += data === 'a' ? 1 : 0) })
    for (let i = 0; i < 1000; i++) parser.push(chunk)
    expect(events).toBe(1_000_000)
  })

  test('every block has the same three keys in the same order', () => {
    for (const block of parseChunks([utf8('data: a\n\nid: b\n\nevent: c\ndata: d\nid: e\n\n')]).blocks) {
      expect(Object.keys(block)).toEqual(['type', 'data', 'id'])
    }
  })

  test('onRetry and onComment are optional', () => {
    const blocks: Block[] = []
    createBlockParser({ onBlock: (block) => blocks.push(block) }).push(utf8(': a\nretry: 1\ndata: b\n\n'))
    expect(blocks).toEqual([event('b')])
  })

  test('onUnknown is called with each line that is neither a comment nor a field', () => {
    const lines: string[] = []
    const text = ': a\n{\n "error": 1}\r\ndata: b\nid\nevent: e\nretry: 1\ndata2: c\n\n'
    const options = { onBlock() {}, onRetry() {}, onUnknown: (line: string) => lines.push(line) }
    createBlockParser(options).push(utf8(text))
    expect(lines).toEqual(['{', ' "error": 1}', 'data2: c'])
  })
})

describe('end and reset', () => {
  for (const method of ['end', 'reset'] as const) {
    test(`[F8] after ${method}(), a new stream starts clean`, () => {
      const beginnings = ['data: a\nid: b\nevent: c\n', 'data: a', 'data: a\r', '\uFEFF', ': a', 'data: a\n\n'].map(
        utf8,
      )
      beginnings.push(
        utf8('data: 你').slice(0, -1),
        utf8(`data: ${'你'.repeat(100)}`).slice(0, -1),
        Uint8Array.of(0xef, 0xbb),
      )
      for (const beginning of beginnings) {
        const blocks: Block[] = []
        const parser = createBlockParser({ onBlock: (block) => blocks.push(block) })
        parser.push(beginning)
        parser[method]()
        blocks.length = 0
        parser.push(utf8('\uFEFF\ndata: d\n\n'))
        // Cut inside a character, so that both decoders are used.
        for (const chunk of cutAt(utf8(`data: ${'é'.repeat(101)}\n\n`), 107)) parser.push(chunk)
        expect(blocks, new TextDecoder().decode(beginning)).toEqual([event('d'), event('é'.repeat(101))])
      }
    })
  }
})

describe('maxEventSize', () => {
  /** Returns the largest limit that the stream exceeds, found by trial. */
  const largestFailing = (stream: string): number => {
    for (let limit = utf8(stream).length + 10; limit >= 0; limit--) {
      if (parseChunks([utf8(stream)], { maxEventSize: limit }).error) return limit
    }
    return -1
  }

  for (const [content, stream] of [
    ['a line of data', 'data: a\n\ndata: 0123456789\n\ndata: b\n\n'],
    ['lines of data', 'data: a\n\ndata: 01234\ndata: 你好😀\ndata:\ndata: 5\n\ndata: b\n\n'],
    ['lines that end in CRLF', 'data: a\r\n\r\ndata: 01234\r\ndata: 56789\r\n\r\n'],
    ['a comment', ': a\n\n: 0123456789 你好\n\n'],
    ['an id', 'data: a\n\nid: 0123456789\ndata: b\n\n'],
    ['a name', 'data: a\n\nevent: 0123456789\ndata: b\n\n'],
    ['a retry', 'data: a\n\nretry: 0123456789\n\ndata: b\n\n'],
    ['an unfinished id', 'data: a\n\nid: 0123456789'],
    ['an unfinished comment', 'data: a\n\n:0123456789'],
    ['empty lines of data', 'data: a\n\ndata: 0123\ndata\ndata:\ndata: \ndata\n\n'],
    ['an unfinished line', 'data: a\n\ndata: 0123456789'],
    ['an unfinished event', 'data: a\n\ndata: 0123456789\ndata: 你\n'],
  ] as const) {
    test(`[F28] the size of ${content} does not depend on how it is chunked`, () => {
      const limit = largestFailing(stream)
      expect(limit).toBeGreaterThan(5)
      for (const [cut, chunks] of everyCut(utf8(stream))) {
        const failed = parseChunks(chunks, { maxEventSize: limit })
        expect(isStreamError(failed.error, 'too-large'), cut).toBe(true)
        // All complete blocks before the oversized block are reported, and no part of the oversized block.
        expect(failed.blocks, cut).toEqual(parseChunks([utf8(stream)], { maxEventSize: limit }).blocks)
        expect(parseChunks(chunks, { maxEventSize: limit + 1 }).error, cut).toBeUndefined()
      }
    })
  }

  test('[F28] maxEventSize counts characters, not bytes', () => {
    expect(parseChunks([utf8(`data: ${'你'.repeat(100)}\n\n`)], { maxEventSize: 99 }).error).toBeDefined()
    expect(parseChunks([utf8(`data: ${'你'.repeat(100)}\n\n`)], { maxEventSize: 100 }).blocks).toHaveLength(1)
    expect(parseChunks([`data: ${'你'.repeat(100)}\n\n`], { maxEventSize: 99 }).error).toBeDefined()
    expect(parseChunks([`data: ${'你'.repeat(100)}\n\n`], { maxEventSize: 100 }).blocks).toHaveLength(1)
  })

  test('[F28] a surrogate pair counts as soon as the last byte of the character has arrived', () => {
    const bytes = utf8(`data:${'𐀀'.repeat(8)}`)
    const evenOffsets = Array.from({ length: 18 }, (_, index) => 2 * index + 2)
    for (const [cut, chunks] of [
      ...everyCut(bytes),
      ['in chunks of two bytes', cutAt(bytes, ...evenOffsets)] as const,
    ]) {
      expect(parseChunks(chunks, { maxEventSize: 15 }).error, cut).toBeDefined()
      expect(parseChunks(chunks, { maxEventSize: 16 }).error, cut).toBeUndefined()
    }
  })

  test('[F28] text after the end of a partial line in the same chunk also counts toward the limit', () => {
    const chunks = [`data: ${'a'.repeat(4)}`, 'b\r\rfoo\ndata: 0123456789', '\n\n']
    expect(parseChunks(chunks, { maxEventSize: 9 }).error).toBeDefined()
    expect(parseChunks(chunks, { maxEventSize: 10 }).blocks.map(({ data }) => data)).toEqual(['aaaab', '0123456789'])
  })

  test('[F28] text after the ends of a partial line and a block in the same chunk also counts toward the limit', () => {
    const chunks = ['dat', '\r\r\nid: 0123456789\n']
    expect(parseChunks(chunks, { maxEventSize: 9 }).error).toBeDefined()
    expect(parseChunks(chunks, { maxEventSize: 10 }).error).toBeUndefined()
  })

  test('[F28] the limit counts only the value: data of exactly that size is accepted, with or without a space', () => {
    for (const prefix of ['data: ', 'data:', 'id: 1\nevent: type\ndata: ', 'data: 01234\ndata: ']) {
      const size = prefix.includes('01234') ? 4 : 10
      const accepted = utf8(`${prefix}${'x'.repeat(size)}\nid: 2\n\n`)
      const refused = utf8(`${prefix}${'x'.repeat(size + 1)}\nid: 2\n\n`)
      for (const [cut, chunks] of everyCut(accepted))
        expect(parseChunks(chunks, { maxEventSize: 10 }).blocks[0]?.data, cut).toHaveLength(10)
      for (const [cut, chunks] of everyCut(refused))
        expect(isStreamError(parseChunks(chunks, { maxEventSize: 10 }).error, 'too-large'), cut).toBe(true)
    }
  })

  test('[F28] the LF between lines of data counts, also if the second line arrives later', () => {
    for (const [cut, chunks] of everyCut(utf8('data:\ndata:0123')))
      expect(
        [4, 5].map((maxEventSize) => !parseChunks(chunks, { maxEventSize }).error),
        cut,
      ).toEqual([false, true])
  })

  test('[F28] data of exactly 16 MiB is accepted by default, and one character more is refused', () => {
    const chunks = [utf8('id: 1\ndata: '), new Uint8Array(0x1000000).fill(0x61)]
    expect(parseChunks([...chunks, utf8('\nid: 2\n\n')]).blocks[0]?.data).toHaveLength(0x1000000)
    expect(isStreamError(parseChunks([...chunks, utf8('a')]).error, 'too-large')).toBe(true)
  })

  const skipped: [name: string, start: string][] = [
    ['a comment that nobody listens to', ':'],
    ['a comment inside an event', 'data: a\n: '],
    ['an unknown field', 'foo: '],
    ['an unknown field with the start of a known name', 'dat'],
    ['an unknown field that continues a known name', 'data: a\nretryretry'],
    ['an unknown field with a space before the colon', 'event : '],
    ['a retry that nobody listens to', 'retry: '],
  ]
  test.each(skipped)(
    '[F28] %s is neither refused nor does it affect other lines, however long it is',
    (_name, start) => {
      const bytes = utf8(`data: 0\n\n${start}${'x'.repeat(40)}\r\ndata: b\n\n`)
      const expected = start.startsWith('data: a') ? 'a\nb' : 'b'
      for (const [cut, chunks] of everyCut(bytes)) {
        const { blocks, error } = parseChunks(chunks, {
          maxEventSize: 5,
          onComment: undefined,
          onRetry: undefined,
        } as never)
        expect(error, cut).toBeUndefined()
        expect(blocks, cut).toEqual([event('0'), event(expected)])
      }
    },
  )

  test.each(skipped)('[F28] %s is not collected: an endless line does not fill the memory', (_name, start) => {
    const blocks: Block[] = []
    const parser = createBlockParser({ onBlock: (block) => blocks.push(block), maxEventSize: Infinity })
    parser.push(utf8(start))
    // Together longer than any string of an engine: the line cannot have been collected.
    const chunk = 'x'.repeat(0x100000)
    for (let n = 0; n < 0x400; n++) parser.push(chunk)
    parser.push('\n\ndata: b\n\n')
    expect(blocks.at(-1)).toEqual(event('b'))
  })

  test('[F28] small events stay within the limit, however many there are', () => {
    const bytes = utf8('data: 0123456789\nid: 1\n\n: heartbeat\n\n'.repeat(200))
    for (const [cut, chunks] of everyCut(bytes.slice(0, 800))) {
      expect(parseChunks(chunks, { maxEventSize: 20 }).error, cut).toBeUndefined()
    }
    expect(parseChunks([bytes], { maxEventSize: 20 }).blocks).toHaveLength(200)
  })

  test('[F28] after a too-large error, the parser keeps throwing until reset()', () => {
    const blocks: Block[] = []
    const parser = createBlockParser({ onBlock: (block) => blocks.push(block), maxEventSize: 10 })
    const tooLarge = expect.objectContaining({ code: 'too-large', name: 'StreamError' })
    const thrown = (chunk: string): unknown => {
      try {
        parser.push(chunk)
      } catch (error) {
        return error
      }
      return undefined
    }
    expect(thrown('data: a\n\ndata: 0123456789x\n\ndata: b\n\n')).toEqual(tooLarge)
    expect(thrown('data: c\n\n')).toEqual(tooLarge)
    expect(blocks).toEqual([event('a')])
    parser.reset()
    expect(thrown('data: d\n\n')).toBeUndefined()
    expect(blocks).toEqual([event('a'), event('d')])
  })

  test('[F28] the default limit rejects 32 MiB and accepts nearly 16 MiB', () => {
    const chunk = new Uint8Array(65_536).fill(0x61)
    const push = (prefix: string, chunks: number, separator = ''): ParseOutcome => {
      const list: Uint8Array[] = [utf8(prefix)]
      for (let i = 0; i < chunks; i++) list.push(chunk, utf8(separator))
      return parseChunks([...list, utf8('\n\n')])
    }
    expect(isStreamError(push('data: ', 512).error, 'too-large')).toBe(true)
    expect(isStreamError(push('data: ', 512, '\ndata: ').error, 'too-large')).toBe(true)
    expect(isStreamError(push(': ', 512).error, 'too-large')).toBe(true)
    expect(push('data: ', 255).blocks[0]?.data).toHaveLength(255 * 65_536)
    expect(push('data: ', 255, '\ndata: ').blocks[0]?.data).toHaveLength(255 * 65_537)
  })
})
