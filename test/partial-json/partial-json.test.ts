/** JSON text in pieces: the value so far, errors, and limits. */
import { describe, expect, test } from 'vitest'
import { partialJson } from '../../src/partial-json/partial-json.ts'

/** Returns a copy of the value after each piece; later pieces add to the same objects. */
const valuesAfter = (...pieces: string[]): unknown[] => {
  const parser = partialJson()
  return pieces.map((piece) => structuredClone(parser.push(piece)))
}

describe('the value so far', () => {
  test('strings are there as far as they have arrived', () => {
    expect(valuesAfter('{"city":', '"', 'Par', 'is"', '}')).toEqual([
      {},
      { city: '' },
      { city: 'Par' },
      { city: 'Paris' },
      { city: 'Paris' },
    ])
  })

  test('the name of a property is there once its value begins', () => {
    expect(valuesAfter('{"a', '":', '1,', '"b":[')).toEqual([{}, {}, { a: 1 }, { a: 1, b: [] }])
  })

  test('numbers and literals are there once the character after them has arrived', () => {
    expect(valuesAfter('[1', '2', ',tr', 'ue', ',nul', 'l]')).toEqual([
      [],
      [],
      [12],
      [12],
      [12, true],
      [12, true, null],
    ])
  })

  test('an escape sequence is there once it is whole', () => {
    expect(valuesAfter('"a\\', 'n\\u0', '0e', '9b"')).toEqual(['a', 'a\n', 'a\n', 'a\néb'])
  })

  test.each([
    ['characters', '\ud83d', '\ude00'],
    ['escape sequences', '\\ud83d', '\\ude00'],
    ['an escape sequence and a character', '\\ud83d', '\ude00'],
  ])('a surrogate pair split into two %s is there once it is whole', (_name, high, low) => {
    expect(valuesAfter(`"x${high}`, low, '"')).toEqual(['x', 'x😀', 'x😀'])
  })

  test('a high surrogate without its other half is kept', () => {
    expect(valuesAfter('"\\ud83d', 'x', '\\ud83d"')).toEqual(['', '\ud83dx', '\ud83dx\ud83d'])
  })

  test('before the text begins, the value is undefined', () => {
    const parser = partialJson()
    expect(parser.value).toBeUndefined()
    expect(parser.push('')).toBeUndefined()
    expect(parser.push(' \n')).toBeUndefined()
  })

  test('arrays and objects grow in place', () => {
    const parser = partialJson()
    const value = parser.push('{"list":[1,')
    parser.push('2]}')
    expect(parser.end()).toBe(value)
    expect(value).toEqual({ list: [1, 2] })
  })

  test('the last of several properties with the same name counts', () => {
    expect(valuesAfter('{"a":1,', '"b":2,"a":"x', '"}')).toEqual([{ a: 1 }, { a: 'x', b: 2 }, { a: 'x', b: 2 }])
  })

  test('a property named __proto__ does not change the prototype', () => {
    const parser = partialJson()
    const value = parser.push('{"__proto__":{"polluted":true}}') as object
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect(Object.keys(value)).toEqual(['__proto__'])
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })
})

describe('the end', () => {
  test.each(['42', '-0', '1.5e+3', 'true', 'null', '"a"', ' [] ', '{}'])('%s is a whole text', (text) => {
    const parser = partialJson()
    parser.push(text)
    expect(parser.end()).toEqual(JSON.parse(text))
  })

  test.each(['', ' ', '{', '[1', '[1,', '{"a"', '{"a":', '{"a":1', '"a', '"\\u00', 'tru', '-', '1.', '1e'])(
    'the end of %j throws a SyntaxError',
    (text) => {
      const parser = partialJson()
      parser.push(text)
      expect(() => parser.end()).toThrow(SyntaxError)
      expect(() => parser.end()).toThrow(SyntaxError)
    },
  )
})

describe('errors', () => {
  test.each([
    ['hello', 0],
    ['[1 2]', 3],
    ['[,1]', 1],
    ['[1,]', 3],
    ['[1}', 2],
    ['{]', 1],
    ['{"a" 1}', 5],
    ['{"a":1,}', 7],
    ['{1:2}', 1],
    ["{'a':1}", 1],
    ['[01]', 3],
    ['[+1]', 1],
    ['[1.]', 3],
    ['[.5]', 1],
    ['[0x1]', 4],
    ['[truth]', 6],
    ['[NaN]', 1],
    ['"\\x"', 2],
    ['"\\u00g0"', 6],
    ['"a\nb"', 2],
    ['1 2', 2],
    ['{}}', 2],
    ['[] ,', 3],
    ['\ufeff1', 0],
  ])('%j throws a SyntaxError with its position %i, in one piece or many', (text, position) => {
    for (const pieces of [[text], text.split('')]) {
      const parser = partialJson()
      const read = () => pieces.forEach((piece) => parser.push(piece))
      expect(read).toThrow(
        expect.objectContaining({ name: 'SyntaxError', message: expect.stringMatching(` at position ${position}$`) }),
      )
    }
  })

  test('a message does not quote the text', () => {
    expect(() => partialJson().push('["secret" secret')).toThrow(/^(?!.*secret)/)
  })

  test('after an error, the parser throws again', () => {
    const parser = partialJson()
    expect(() => parser.push('[}')).toThrow(SyntaxError)
    expect(() => parser.push('1]')).toThrow(SyntaxError)
    expect(() => parser.end()).toThrow(SyntaxError)
  })
})

describe('maxDepth', () => {
  test('text nested deeper than maxDepth throws a RangeError that names the option', () => {
    expect(partialJson({ maxDepth: 2 }).push('[{}]')).toEqual([{}])
    expect(() => partialJson({ maxDepth: 2 }).push('[{"a":[')).toThrow(RangeError)
    expect(() => partialJson({ maxDepth: 2 }).push('[[[')).toThrow(/maxDepth/)
    expect(partialJson({ maxDepth: 0 }).push('1 ')).toBe(1)
  })

  test('maxDepth is 1,024 by default', () => {
    expect(() => partialJson().push('['.repeat(1_024))).not.toThrow()
    expect(() => partialJson().push('['.repeat(1_025))).toThrow(RangeError)
  })

  test.each([NaN, -1, '5', null])('maxDepth: %s throws a TypeError', (maxDepth) => {
    expect(() => partialJson({ maxDepth: maxDepth as number })).toThrow(TypeError)
  })

  test('a parser made by create() has the same maxDepth, and a text of its own', () => {
    const parser = partialJson({ maxDepth: 1 })
    parser.push('[1,')
    const other = parser.create()
    expect(other.push('[2,')).toEqual([2])
    expect(parser.push('3]')).toEqual([1, 3])
    expect(() => other.push('[')).toThrow(RangeError)
  })
})
