/** A trap for unhandled rejections and for errors passed to `reportError`. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from 'vitest'
import { flushMicrotasks } from './flush-microtasks.ts'

export interface Unhandled {
  /** Errors passed to `reportError` in this test. A test must remove the errors that it expects. */
  reported: unknown[]
}

/** Fails every test in the file that leaves an unhandled rejection or an unexpected reported error. */
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
