/** What a run answers, and how it is cut. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createAnswerGenerator, createSampleAnswer, parseCannedAnswers } from '../../../mock-server/run/answers.ts'
import { splitCharacters, splitTokens } from '../../../mock-server/run/deltas.ts'

describe('answers', () => {
  test('by prompt, and * for any other', () => {
    const answerTo = createAnswerGenerator({ hi: 'hello', '*': 'what?' }, 0)
    expect(['hi', 'else', 'toString', '__proto__'].map(answerTo)).toEqual(['hello', 'what?', 'what?', 'what?'])
  })

  test('a list is gone through, and begun again', () => {
    const answerTo = createAnswerGenerator(['one', 'two'], 0)
    expect(['a', 'b', 'c'].map(answerTo)).toEqual(['one', 'two', 'one'])
  })

  test('others are made up: of the prompt, the same for the same seed', () => {
    const answerTo = createAnswerGenerator({ hi: 'hello' }, 7)
    expect(answerTo('你好')).toBe(createSampleAnswer('你好', 7))
    expect(answerTo('你好')).toContain('你好')
    expect(answerTo('你好').length).toBeGreaterThan(60)
    expect(createAnswerGenerator(undefined, 7)('a')).toBe(createSampleAnswer('a', 7))
    expect(new Set([0, 1, 2, 3, 4, 5].map((seed) => createSampleAnswer('a', seed))).size).toBeGreaterThan(3)
  })

  test.each([
    [null, 'answers: expected an object of prompt → text, or a list of texts'],
    ['text', 'answers: expected an object'],
    [{}, 'with at least one'],
    [[], 'with at least one'],
    [{ a: 1 }, '"a" is not a text'],
    [['x', 2], '"1" is not a text'],
  ])('an answer book %j is refused: %s', (value, message) => {
    expect(() => parseCannedAnswers(value)).toThrow(TypeError)
    expect(() => parseCannedAnswers(value)).toThrow(message)
  })

  test('a book that is one is given back', () => {
    expect(parseCannedAnswers({ a: 'b' })).toEqual({ a: 'b' })
    expect(parseCannedAnswers(['a'])).toEqual(['a'])
  })
})

describe('deltas', () => {
  test('nothing is lost, however it is cut', { timeout: 30_000 }, () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(splitCharacters(text).join('')).toBe(text)
        expect(splitTokens(text).join('')).toBe(text)
        expect(splitCharacters(text)).not.toContain('')
      }),
    )
  })

  test('characters are what a reader sees', () => {
    expect(splitCharacters('a你🇩🇪👩‍👩‍👧‍👦é\r\n')).toEqual(['a', '你', '🇩🇪', '👩‍👩‍👧‍👦', 'é', '\r\n'])
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
        expect(splitCharacters(text)).toEqual(expected)
      }
    },
  )

  test('[F29] a text of a million characters is no matter', () => {
    // A segmenter that is given all of it at once needs a quarter of an hour.
    expect(splitCharacters('x'.repeat(1_000_000))).toHaveLength(1_000_000)
  })

  test('without a segmenter they are code points: no half of a pair', () => {
    const { Segmenter } = Intl
    try {
      Object.assign(Intl, { Segmenter: undefined })
      expect(splitCharacters('a🧑你')).toEqual(['a', '🧑', '你'])
    } finally {
      Object.assign(Intl, { Segmenter })
    }
  })

  test('tokens are words with the space before them, ideographs, and marks', () => {
    expect(splitTokens('Hello, new world!')).toEqual(['Hello', ',', ' new', ' world', '!'])
    expect(splitTokens('你好 world')).toEqual(['你', '好', ' world'])
    expect(splitTokens('a  b\nc')).toEqual(['a', '  b', '\nc'])
    expect(splitTokens('')).toEqual([])
    expect(splitTokens('👩‍👩‍👧‍👦👍')).toEqual(['👩‍👩‍👧‍👦', '👍'])
  })
})
