/** Which rules apply to a request, and how often. */
import { describe, expect, test } from 'vitest'
import { type RequestFacts, createRuleSet } from '../../../mock-server/scenario/rule-set.ts'

const feed: RequestFacts = { path: '/api/stream', method: 'GET', connection: 'first', responseKind: 'stream' }

describe('scopes', () => {
  test.each([
    ['no condition', {}, feed, true],
    ['no condition, for a response other than a stream', {}, { ...feed, responseKind: 'other' }, false],
    ['the path', { path: '/api/stream' }, feed, true],
    ['the path, for a response other than a stream', { path: '/api/stream' }, { ...feed, responseKind: 'other' }, true],
    ['a different path', { path: '/api/strea' }, feed, false],
    ['a prefix', { path: '/api/s*' }, feed, true],
    ['a different prefix', { path: '/api/t*' }, feed, false],
    ['any path', { path: '*' }, { ...feed, responseKind: 'other' }, true],
    ['the method, in any case', { method: 'get' }, feed, true],
    ['a different method', { method: 'POST' }, feed, false],
    ['a first connection', { connection: 'first' }, feed, true],
    ['a resumed connection, for a first one', { connection: 'resumed' }, feed, false],
    ['a resumed connection', { connection: 'resumed' }, { ...feed, connection: 'resumed' }, true],
  ] as const)('a rule with %s applies to matching requests only', (_name, scope, facts, applies) => {
    const ruleSet = createRuleSet([{ ...scope, split: 1 }])
    expect('split' in ruleSet.match(facts)).toBe(applies)
    expect(ruleSet.rules[0]!.matched).toBe(applies ? 1 : 0)
  })
})

describe('counts', () => {
  const applications = (rule: object, count: number): boolean[] => {
    const ruleSet = createRuleSet([{ ...rule, split: 1 }])
    return Array.from({ length: count }, () => 'split' in ruleSet.match(feed))
  }

  test('once, times and skip limit how often a rule applies', () => {
    expect(applications({}, 3)).toEqual([true, true, true])
    expect(applications({ once: true }, 3)).toEqual([true, false, false])
    expect(applications({ times: 2 }, 3)).toEqual([true, true, false])
    expect(applications({ skip: 2 }, 4)).toEqual([false, false, true, true])
    expect(applications({ skip: 1, times: 2 }, 5)).toEqual([false, true, true, false, false])
  })

  test('only matching requests are counted', () => {
    const ruleSet = createRuleSet([{ once: true, split: 1, path: '/api/stream' }])
    ruleSet.match({ ...feed, path: '/other' })
    expect(ruleSet.match(feed)).toMatchObject({ split: 1 })
  })

  test('replace resets the counts', () => {
    const ruleSet = createRuleSet([{ once: true, split: 1 }])
    ruleSet.match(feed)
    ruleSet.replace([{ once: true, split: 2 }])
    expect(ruleSet.match(feed)).toMatchObject({ split: 2 })
    ruleSet.replace([])
    expect(ruleSet.match(feed)).toEqual({})
  })
})

test('if rules share a key, the last rule wins', () => {
  const ruleSet = createRuleSet([{ status: 500, delay: 1 }, { status: 503 }])
  expect(ruleSet.match(feed)).toEqual({ status: 503, delay: 1 })
})
