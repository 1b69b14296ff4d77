/** Which rules apply to which request, and how often. */
import { describe, expect, test } from 'vitest'
import { type RequestFacts, createRuleSet } from '../../../mock-server/scenario/rule-set.ts'

const feed: RequestFacts = { path: '/api/stream', method: 'GET', connection: 'first', responseKind: 'stream' }

describe('scopes', () => {
  test.each([
    ['nothing', {}, feed, true],
    ['nothing, for what is no stream', {}, { ...feed, responseKind: 'other' }, false],
    ['the path', { path: '/api/stream' }, feed, true],
    ['the path, for what is no stream', { path: '/api/stream' }, { ...feed, responseKind: 'other' }, true],
    ['another path', { path: '/api/strea' }, feed, false],
    ['a beginning', { path: '/api/s*' }, feed, true],
    ['another beginning', { path: '/api/t*' }, feed, false],
    ['everything', { path: '*' }, { ...feed, responseKind: 'other' }, true],
    ['the method, in any case', { method: 'get' }, feed, true],
    ['another method', { method: 'POST' }, feed, false],
    ['first', { connection: 'first' }, feed, true],
    ['resumed', { connection: 'resumed' }, feed, false],
    ['resumed, when it is', { connection: 'resumed' }, { ...feed, connection: 'resumed' }, true],
  ] as const)('%s', (_what, scope, facts, applies) => {
    const book = createRuleSet([{ ...scope, split: 1 }])
    expect('split' in book.match(facts)).toBe(applies)
    expect(book.rules[0]!.matched).toBe(applies ? 1 : 0)
  })
})

describe('counts', () => {
  const uses = (rule: object, count: number): boolean[] => {
    const book = createRuleSet([{ ...rule, split: 1 }])
    return Array.from({ length: count }, () => 'split' in book.match(feed))
  }

  test('always, once, times, skip', () => {
    expect(uses({}, 3)).toEqual([true, true, true])
    expect(uses({ once: true }, 3)).toEqual([true, false, false])
    expect(uses({ times: 2 }, 3)).toEqual([true, true, false])
    expect(uses({ skip: 2 }, 4)).toEqual([false, false, true, true])
    expect(uses({ skip: 1, times: 2 }, 5)).toEqual([false, true, true, false, false])
  })

  test('only what matches is counted', () => {
    const book = createRuleSet([{ once: true, split: 1, path: '/api/stream' }])
    book.match({ ...feed, path: '/other' })
    expect(book.match(feed)).toMatchObject({ split: 1 })
  })

  test('setting rules begins anew', () => {
    const book = createRuleSet([{ once: true, split: 1 }])
    book.match(feed)
    book.replace([{ once: true, split: 2 }])
    expect(book.match(feed)).toMatchObject({ split: 2 })
    book.replace([])
    expect(book.match(feed)).toEqual({})
  })
})

test('where two rules have a key, the later one wins', () => {
  const book = createRuleSet([{ status: 500, delay: 1 }, { status: 503 }])
  expect(book.match(feed)).toEqual({ status: 503, delay: 1 })
})
