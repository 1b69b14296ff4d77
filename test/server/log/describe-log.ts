/** The contract of `EventLog`. Every log runs it: `describeLog('memory log', createFixture)`. */
import { afterEach, beforeEach, describe } from 'vitest'
import type { EventLog } from '../../../server/log/event-log.ts'
import { registerConcurrency } from './contract/concurrency.ts'
import { registerFeedAppends } from './contract/feed-appends.ts'
import { registerKeys } from './contract/keys.ts'
import { registerLeases } from './contract/leases.ts'
import { registerReaders } from './contract/readers.ts'
import { registerReads } from './contract/reads.ts'
import { registerRetention } from './contract/retention.ts'
import { registerRunAppends } from './contract/run-appends.ts'
import { registerWakes } from './contract/wakes.ts'

/** An empty storage with a clock that a test advances. */
export interface LogFixture {
  /** Opens the log as one more process does. A log for one process returns the same log each time. */
  open(): Promise<EventLog>
  /** Advances the clock of the storage. */
  advance(ms: number): Promise<void>
  /** Resolves once a log that trims after an append, not with it, has trimmed. */
  settle(): Promise<void>
  close(): Promise<void>
}

/** What a test of the contract gets. */
export interface LogTest {
  /** Two processes. */
  readonly log: EventLog
  readonly other: EventLog
  readonly fixture: LogFixture
}

/** Runs the contract for one log. */
export function describeLog(name: string, createFixture: () => Promise<LogFixture>): void {
  describe(name, () => {
    const current = {} as { -readonly [Name in keyof LogTest]: LogTest[Name] }

    beforeEach(async () => {
      current.fixture = await createFixture()
      current.log = await current.fixture.open()
      current.other = await current.fixture.open()
    })
    afterEach(async () => {
      await current.log.close()
      await current.other.close()
      await current.fixture.close()
    })

    registerFeedAppends(current)
    registerRunAppends(current)
    registerReads(current)
    registerRetention(current)
    registerKeys(current)
    registerLeases(current)
    registerReaders(current)
    registerWakes(current)
    registerConcurrency(current)
  })
}
