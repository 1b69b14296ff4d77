/** What a run answers, and how it is cut. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createAnswers, makeUpAnswer, parseAnswers } from '../../../mock-server/run/answers.ts'
import { characters, tokens } from '../../../mock-server/run/deltas.ts'

describe('answers', () => {
  test('by prompt, and * for any other', () => {
    const answerTo = createAnswers({ hi: 'hello', '*': 'what?' }, 0)
    expect(['hi', 'else', 'toString', '__proto__'].map(answerTo)).toEqual(['hello', 'what?', 'what?', 'what?'])
  })

  test('a list is gone through, and begun again', () => {
    const answerTo = createAnswers(['one', 'two'], 0)
    expect(['a', 'b', 'c'].map(answerTo)).toEqual(['one', 'two', 'one'])
  })

  test('others are made up: of the prompt, the same for the same seed', () => {
    const answerTo = createAnswers({ hi: 'hello' }, 7)
    expect(answerTo('你好')).toBe(makeUpAnswer('你好', 7))
    expect(answerTo('你好')).toContain('你好')
    expect(answerTo('你好').length).toBeGreaterThan(60)
    expect(createAnswers(undefined, 7)('a')).toBe(makeUpAnswer('a', 7))
    expect(new Set([0, 1, 2, 3, 4, 5].map((seed) => makeUpAnswer('a', seed))).size).toBeGreaterThan(3)
  })

  test.each([
    [null, 'answers: expected an object of prompt → text, or a list of texts'],
    ['text', 'answers: expected an object'],
    [{}, 'with at least one'],
    [[], 'with at least one'],
    [{ a: 1 }, '"a" is not a text'],
    [['x', 2], '"1" is not a text'],
  ])('an answer book %j is refused: %s', (value, message) => {
    expect(() => parseAnswers(value)).toThrow(TypeError)
    expect(() => parseAnswers(value)).toThrow(message)
  })

  test('a book that is one is given back', () => {
    expect(parseAnswers({ a: 'b' })).toEqual({ a: 'b' })
    expect(parseAnswers(['a'])).toEqual(['a'])
  })
})

describe('deltas', () => {
  test('nothing is lost, however it is cut', { timeout: 30_000 }, () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(characters(text).join('')).toBe(text)
        expect(tokens(text).join('')).toBe(text)
        expect(characters(text)).not.toContain('')
      }),
    )
  })

  test('characters are what a reader sees', () => {
    expect(characters('a你🇩🇪👩‍👩‍👧‍👦é\r\n')).toEqual(['a', '你', '🇩🇪', '👩‍👩‍👧‍👦', 'é', '\r\n'])
  })

  test.each(['🇩🇪', '👩‍👩‍👧‍👦', 'e\u0301\u0302', '\r\n', '한', '🧑🏽‍🚀', `a${'\u0301'.repeat(2_500)}b`])(
    'long texts are cut as short ones are: %j',
    (cluster) => {
      const own = Array.from(new Intl.Segmenter().segment(cluster), ({ segment }) => segment)
      for (let before = 990; before < 1_003; before++) {
        const text = 'x'.repeat(before) + cluster.repeat(300)
        const expected = [
          ...Array.from({ length: before }, () => 'x'),
          ...Array.from({ length: 300 }, () => own).flat(),
        ]
        expect(characters(text)).toEqual(expected)
      }
    },
  )

  test('[F29] a text of a million characters is no matter', () => {
    // A segmenter that is given all of it at once needs a quarter of an hour.
    expect(characters('x'.repeat(1_000_000))).toHaveLength(1_000_000)
  })

  test('without a segmenter they are code points: no half of a pair', () => {
    const { Segmenter } = Intl
    try {
      Object.assign(Intl, { Segmenter: undefined })
      expect(characters('a🧑你')).toEqual(['a', '🧑', '你'])
    } finally {
      Object.assign(Intl, { Segmenter })
    }
  })

  test('tokens are words with the space before them, ideographs, and marks', () => {
    expect(tokens('Hello, new world!')).toEqual(['Hello', ',', ' new', ' world', '!'])
    expect(tokens('你好 world')).toEqual(['你', '好', ' world'])
    expect(tokens('a  b\nc')).toEqual(['a', '  b', '\nc'])
    expect(tokens('')).toEqual([])
    expect(tokens('👩‍👩‍👧‍👦👍')).toEqual(['👩‍👩‍👧‍👦', '👍'])
  })
})
