/** Text into writes. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createChunker } from '../../../mock-server/stream/chunker.ts'

const size = (writes: readonly Uint8Array[]): number[] => writes.map(({ length }) => length)

test('one write for one text, none for nothing', () => {
  const packer = createChunker({})
  expect(packer.push('data: 你\n\n')).toEqual([new TextEncoder().encode('data: 你\n\n')])
  expect(packer.push('')).toEqual([])
  expect(packer.flush()).toEqual([])
})

test('split cuts at every n bytes, characters or not', () => {
  const packer = createChunker({ split: 2 })
  expect(size(packer.push('你a'))).toEqual([2, 2])
  expect(size(packer.push('你'))).toEqual([2, 1])
})

test('buffer holds back until there is enough', () => {
  const packer = createChunker({ buffer: 5 })
  expect(packer.push('abc')).toEqual([])
  expect(size(packer.push('de'))).toEqual([5])
  expect(packer.push('f')).toEqual([])
  expect(size(packer.flush())).toEqual([1])
  expect(packer.flush()).toEqual([])
})

test('no byte is lost and none is added, whatever the rule', { timeout: 30_000 }, () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'binary' })),
      fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
      fc.option(fc.integer({ min: 1, max: 99 }), { nil: undefined }),
      (texts, split, buffer) => {
        const packer = createChunker({
          ...(split === undefined ? {} : { split }),
          ...(buffer === undefined ? {} : { buffer }),
        })
        const writes = [...texts.flatMap((text) => packer.push(text)), ...packer.flush()]
        expect(Buffer.concat(writes)).toEqual(Buffer.concat(texts.map((text) => Buffer.from(text))))
        if (split !== undefined) expect(Math.max(0, ...size(writes))).toBeLessThanOrEqual(split)
      },
    ),
  )
})
