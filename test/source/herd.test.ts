/** [F21] Ten thousand clients of a server that restarts must not come back together. */
import { expect, test } from 'vitest'
import { StreamError } from '../../src/base/errors.ts'
import { type RetryOptions, retryDelay } from '../../src/source/retry.ts'

const CLIENTS = 10_000
/** Milliseconds that the server is down. */
const DOWN = 3_000
const WINDOW = 100

/** Numbers from 0 to 1 that look random and are the same in each run (mulberry32). */
const createRandom = (seed: number) => (): number => {
  seed = (seed + 0x6d2b79f5) | 0
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
}

/** The largest part of all clients whose attempts fall into one window, counted from the crash on. */
const largestWave = (options: RetryOptions, floor: number, random: () => number): number => {
  const windows = new Map<number, number>()
  const error = new StreamError('network', 'Cut', { retryable: true })
  for (let client = 0; client < CLIENTS; client++) {
    let time = 0
    for (let attempt = 1; time < DOWN; attempt++) {
      time += retryDelay(options, error, attempt, floor, random)!
      const window = Math.floor(time / WINDOW)
      windows.set(window, (windows.get(window) ?? 0) + 1)
    }
  }
  return Math.max(...windows.values()) / CLIENTS
}

test.each([1, 2, 3])('no window of 100 ms gets more than a fifth (seed %d)', (seed) => {
  expect(largestWave({}, 0, createRandom(seed))).toBeLessThan(0.2)
})

test.each([1, 2, 3])('nor where the server asked for 2 s with `retry:` (seed %d)', (seed) => {
  expect(largestWave({}, 2_000, createRandom(seed))).toBeLessThan(0.2)
})

test('without jitter all of them would: the simulation can tell', () => {
  expect(largestWave({ jitter: false }, 0, createRandom(1))).toBe(1)
})
