/** Schedules are deterministic, and a hundred seeds together contain every kind of fault. */
import { expect, test } from 'vitest'
import { createAnswer } from './payloads.ts'
import { drawSchedule, ITEM_COUNTS } from './schedule.ts'

const seeds = Array.from({ length: 100 }, (_, index) => index + 1)

test('the same seed gives the same schedule and answer, and different seeds give different schedules', () => {
  for (const kind of ['run', 'feed'] as const) {
    expect(drawSchedule(7, kind)).toEqual(drawSchedule(7, kind))
    expect(new Set(seeds.map((seed) => JSON.stringify(drawSchedule(seed, kind)))).size).toBe(seeds.length)
  }
  expect(createAnswer(7)).toEqual(createAnswer(7))
  expect(createAnswer(7).deltas).toHaveLength(ITEM_COUNTS.run)
})

test('the schedules of a hundred seeds contain every kind of fault', () => {
  const all = seeds.flatMap((seed) => [drawSchedule(seed, 'run'), drawSchedule(seed, 'feed')])
  const connections = all.flatMap((schedule) => schedule.connectionFaults)
  expect(new Set(connections.map(({ open }) => open))).toEqual(new Set(['forward', 'reset', 'close', 'silence']))
  expect(new Set(connections.map(({ split }) => split))).toEqual(
    new Set([undefined, 'bytes', 'random', 'character', 'chunk-head']),
  )
  expect(new Set(connections.map(({ request }) => request?.cut))).toEqual(new Set([undefined, 'reset', 'fin']))
  const cuts = new Set(connections.map(({ response }) => response && `${response.action} ${response.region}`))
  for (const action of ['reset', 'fin'])
    for (const region of ['anywhere', 'head', 'chunk-head', 'character', 'data'])
      expect(cuts).toContain(`${action} ${region}`)
  expect(connections.some(({ response }) => response?.action === 'stall')).toBe(true)
  expect(connections.some(({ downMs = 0 }) => downMs > 0)).toBe(true)
  expect(connections.some(({ delayMs }) => delayMs > 0)).toBe(true)
  expect(new Set(all.map(({ expectedOutcome }) => expectedOutcome)).size).toBe(7)
  expect(new Set(all.map(({ consumer }) => consumer)).size).toBe(4)
  const statuses = all.flatMap(({ rules }) => rules.map(({ status }) => status))
  expect(statuses).toEqual(expect.arrayContaining([408, 425, 429, 500, 502, 503, 504]))
  expect(all.some(({ rules }) => rules.some((rule) => rule.status === 503 && rule['retry-after'] === 0))).toBe(true)
})
