/** A trap for what nobody handles: promises that are rejected, and errors that only the platform hears of. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from 'vitest'
import { flushMicrotasks } from './flush-microtasks.ts'

export interface Unhandled {
  /** What was given to `reportError` in this test. A test that expects some takes them out. */
  reported: unknown[]
}

/** Fails each test of the file that leaves a rejection unhandled, or an error reported that it did not take out. */
export function trapUnhandled(): Unhandled {
  const trap: Unhandled = { reported: [] }
  let rejections: unknown[] = []
  const onRejection = (reason: unknown): void => void rejections.push(reason)

  beforeAll(() => void process.on('unhandledRejection', onRejection))
  afterAll(() => void process.off('unhandledRejection', onRejection))
  beforeEach(() => {
    trap.reported = []
    rejections = []
    vi.stubGlobal('reportError', (error: unknown) => trap.reported.push(error))
  })
  afterEach(async () => {
    await flushMicrotasks()
    expect(rejections, 'unhandled rejections').toEqual([])
    expect(trap.reported, 'reported errors').toEqual([])
  })
  return trap
}
