/** A seed is a schedule, always the same, and all seeds together have every fault. */
import { expect, test } from 'vitest'
import { makeAnswer } from './payloads.ts'
import { drawSchedule, sizes } from './schedule.ts'

const seeds = Array.from({ length: 100 }, (_, index) => index + 1)

test('the same seed is the same schedule and answer, another is another', () => {
  for (const kind of ['run', 'feed'] as const) {
    expect(drawSchedule(7, kind)).toEqual(drawSchedule(7, kind))
    expect(new Set(seeds.map((seed) => JSON.stringify(drawSchedule(seed, kind)))).size).toBe(seeds.length)
  }
  expect(makeAnswer(7)).toEqual(makeAnswer(7))
  expect(makeAnswer(7).deltas).toHaveLength(sizes.run)
})

test('a hundred seeds have each fault', () => {
  const all = seeds.flatMap((seed) => [drawSchedule(seed, 'run'), drawSchedule(seed, 'feed')])
  const links = all.flatMap((schedule) => schedule.links)
  expect(new Set(links.map(({ open }) => open))).toEqual(new Set(['forward', 'reset', 'close', 'silence']))
  expect(new Set(links.map(({ tear }) => tear))).toEqual(
    new Set([undefined, 'bytes', 'random', 'character', 'chunk-head']),
  )
  expect(new Set(links.map(({ request }) => request?.cut))).toEqual(new Set([undefined, 'reset', 'fin']))
  const cuts = new Set(links.map(({ answer }) => answer && `${answer.how} ${answer.place}`))
  for (const how of ['reset', 'fin'])
    for (const place of ['anywhere', 'head', 'chunk-head', 'character', 'data'])
      expect(cuts).toContain(`${how} ${place}`)
  expect(links.some(({ answer }) => answer?.how === 'stall')).toBe(true)
  expect(links.some(({ down = 0 }) => down > 0)).toBe(true)
  expect(links.some(({ delay }) => delay > 0)).toBe(true)
  expect(new Set(all.map(({ fate }) => fate)).size).toBe(7)
  expect(new Set(all.map(({ consumer }) => consumer)).size).toBe(4)
  const statuses = all.flatMap(({ rules }) => rules.map(({ status }) => status))
  expect(statuses).toEqual(expect.arrayContaining([408, 425, 429, 500, 502, 503, 504]))
  expect(all.some(({ rules }) => rules.some((rule) => rule.status === 503 && rule['retry-after'] === 0))).toBe(true)
})
