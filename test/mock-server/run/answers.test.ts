/** The answers of runs, and how they are split into deltas. */
import { describe, expect, test } from 'vitest'
import { createAnswerGenerator, createSampleAnswer, parseCannedAnswers } from '../../../mock-server/run/answers.ts'
import { splitCharacters, splitTokens } from '../../../mock-server/run/deltas.ts'
import { fc } from '../../support/fast-check.ts'

describe('answers', () => {
  test('answers are looked up by prompt, with * for any other prompt', () => {
    const generateAnswer = createAnswerGenerator({ hi: 'hello', '*': 'what?' }, 0)
    expect(['hi', 'else', 'toString', '__proto__'].map(generateAnswer)).toEqual(['hello', 'what?', 'what?', 'what?'])
  })

  test('a list of answers is cycled through', () => {
    const generateAnswer = createAnswerGenerator(['one', 'two'], 0)
    expect(['a', 'b', 'c'].map(generateAnswer)).toEqual(['one', 'two', 'one'])
  })

  test('other prompts get generated answers, the same for the same seed', () => {
    const generateAnswer = createAnswerGenerator({ hi: 'hello' }, 7)
    expect(generateAnswer('你好')).toBe(createSampleAnswer('你好', 7))
    expect(generateAnswer('你好')).toContain('你好')
    expect(generateAnswer('你好').length).toBeGreaterThan(60)
    expect(createAnswerGenerator(undefined, 7)('a')).toBe(createSampleAnswer('a', 7))
    expect(new Set([0, 1, 2, 3, 4, 5].map((seed) => createSampleAnswer('a', seed))).size).toBeGreaterThan(3)
  })

  test.each([
    [null, 'answers: expected an object of prompt → string, or an array of strings'],
    ['text', 'answers: expected an object'],
    [{}, 'answers: expected at least one answer'],
    [[], 'answers: expected at least one answer'],
    [{ a: 1 }, '"a" is not a string'],
    [['x', 2], '"1" is not a string'],
  ])('%j is rejected as canned answers: %s', (value, message) => {
    expect(() => parseCannedAnswers(value)).toThrow(TypeError)
    expect(() => parseCannedAnswers(value)).toThrow(message)
  })

  test('valid canned answers are returned unchanged', () => {
    expect(parseCannedAnswers({ a: 'b' })).toEqual({ a: 'b' })
    expect(parseCannedAnswers(['a'])).toEqual(['a'])
  })
})

describe('deltas', () => {
  test('joined deltas give the original text', { timeout: 30_000 }, () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(splitCharacters(text).join('')).toBe(text)
        expect(splitTokens(text).join('')).toBe(text)
        expect(splitCharacters(text)).not.toContain('')
      }),
    )
  })

  test('characters are grapheme clusters', () => {
    expect(splitCharacters('a你🇩🇪👩‍👩‍👧‍👦é\r\n')).toEqual(['a', '你', '🇩🇪', '👩‍👩‍👧‍👦', 'é', '\r\n'])
  })

  test.each(['🇩🇪', '👩‍👩‍👧‍👦', 'e\u0301\u0302', '\r\n', '한', '🧑🏽‍🚀', `a${'\u0301'.repeat(2_500)}b`])(
    'long texts are split like short ones: %j',
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

  test('[F29] a text of a million characters is split quickly', () => {
    // Segmenting all of it at once would take a quarter of an hour.
    expect(splitCharacters('x'.repeat(1_000_000))).toHaveLength(1_000_000)
  })

  test('text is split into code points on platforms without Intl.Segmenter', () => {
    const { Segmenter } = Intl
    try {
      Object.assign(Intl, { Segmenter: undefined })
      expect(splitCharacters('a🧑你')).toEqual(['a', '🧑', '你'])
    } finally {
      Object.assign(Intl, { Segmenter })
    }
  })

  test('tokens are words with the space before them, ideographs and punctuation marks', () => {
    expect(splitTokens('Hello, new world!')).toEqual(['Hello', ',', ' new', ' world', '!'])
    expect(splitTokens('你好 world')).toEqual(['你', '好', ' world'])
    expect(splitTokens('a  b\nc')).toEqual(['a', '  b', '\nc'])
    expect(splitTokens('')).toEqual([])
    expect(splitTokens('👩‍👩‍👧‍👦👍')).toEqual(['👩‍👩‍👧‍👦', '👍'])
  })
})
