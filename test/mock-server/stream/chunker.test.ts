/** Tests of how the chunker splits text into writes. */
import { expect, test } from 'vitest'
import { createChunker } from '../../../mock-server/stream/chunker.ts'
import { fc } from '../../support/fast-check.ts'

const size = (writes: readonly Uint8Array[]): number[] => writes.map(({ length }) => length)

test('a text becomes one write, and an empty text becomes none', () => {
  const chunker = createChunker({})
  expect(chunker.push('data: 你\n\n')).toEqual([new TextEncoder().encode('data: 你\n\n')])
  expect(chunker.push('')).toEqual([])
  expect(chunker.flush()).toEqual([])
})

test('split cuts after every n bytes, even inside characters', () => {
  const chunker = createChunker({ split: 2 })
  expect(size(chunker.push('你a'))).toEqual([2, 2])
  expect(size(chunker.push('你'))).toEqual([2, 1])
})

test('buffer holds back output until n bytes have accumulated', () => {
  const chunker = createChunker({ buffer: 5 })
  expect(chunker.push('abc')).toEqual([])
  expect(size(chunker.push('de'))).toEqual([5])
  expect(chunker.push('f')).toEqual([])
  expect(size(chunker.flush())).toEqual([1])
  expect(chunker.flush()).toEqual([])
})

test('the writes contain exactly the bytes of the text, for any rule', { timeout: 30_000 }, () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'binary' })),
      fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
      fc.option(fc.integer({ min: 1, max: 99 }), { nil: undefined }),
      (texts, split, buffer) => {
        const chunker = createChunker({
          ...(split === undefined ? {} : { split }),
          ...(buffer === undefined ? {} : { buffer }),
        })
        const writes = [...texts.flatMap((text) => chunker.push(text)), ...chunker.flush()]
        expect(Buffer.concat(writes)).toEqual(Buffer.concat(texts.map((text) => Buffer.from(text))))
        if (split !== undefined) expect(Math.max(0, ...size(writes))).toBeLessThanOrEqual(split)
      },
    ),
  )
})
