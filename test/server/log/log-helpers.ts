/** Helpers of the tests of logs: frames, retention, whole streams, and waiting for wakes. */
import { expect } from 'vitest'
import type { Claim, ClaimOptions, EventLog, LogEvent, Page, Retention, Wake } from '../../../server/log/event-log.ts'

export const FEED = 'feed:prices'
export const RUN = 'run:1'

/** Keeps everything, as runs do. */
export const keepAll: Retention = { events: 1_000, bytes: 1_000_000, age: Infinity }

export const frame = (text: string | number): string => `data: ${text}\n`
/** Frames with the numbers from `first` to `last`. */
export const frames = (first: number, last: number): string[] =>
  Array.from({ length: last - first + 1 }, (_, index) => frame(first + index))

/** Claims a run, which must succeed, and returns its token. */
export async function produce(log: EventLog, stream: string, options: Partial<ClaimOptions> = {}): Promise<number> {
  const claim = await log.claim(stream, { owner: 'alice', lease: 4_000, keep: 60_000, ...options })
  return tokenOf(claim)
}

export function tokenOf(claim: Claim): number {
  if (claim.role !== 'producer') throw new Error(`Expected the role producer, got ${JSON.stringify(claim)}`)
  return claim.token
}

/** Checks that the events of a page follow `after` without a hole, or that the page says that some are missing. */
function expectDense(page: Page, after: number): void {
  const start = Math.max(after + 1, page.first)
  expect(page.events.map(({ position }) => position)).toEqual(page.events.map((_, index) => start + index))
}

/** Reads the page after `after`, which must exist. */
export async function readPage(log: EventLog, stream: string, after = 0, bytes = 1_000_000): Promise<Page> {
  const page = await log.read(stream, after, { bytes })
  if (!page) throw new Error(`Not found: ${stream}`)
  expectDense(page, after)
  return page
}

export const textsOf = (events: readonly LogEvent[]): string[] =>
  events.map(({ frame }) => frame.replace(/^data: |\n$/g, ''))

/** Reads a whole stream in small pages, and returns the texts of its events. */
export async function readAll(log: EventLog, stream: string): Promise<string[]> {
  const events: LogEvent[] = []
  for (;;) {
    const page = await readPage(log, stream, events.at(-1)?.position ?? 0, 100)
    events.push(...page.events)
    if (page.events.length === 0) return textsOf(events)
  }
}

export interface StreamWatch {
  readonly reasons: readonly Wake[]
  /** Calls `look` now and after each wake, until it returns a value. */
  until<Value>(look: () => Promise<Value | undefined> | Value | undefined): Promise<Value>
  stop(): void
}

/** Tails a stream. */
export function watchStream(log: EventLog, stream: string): StreamWatch {
  const reasons: Wake[] = []
  let onWake = (): void => {}
  const stop = log.tail(stream, (reason) => {
    reasons.push(reason)
    onWake()
  })
  return {
    reasons,
    async until(look) {
      for (;;) {
        const seen = reasons.length
        const value = await look()
        if (value !== undefined) return value
        if (reasons.length === seen) await new Promise<void>((resolve) => (onWake = resolve))
      }
    },
    stop,
  }
}

/** Tails a stream, and resolves once the tail is in force: when it was woken by `append`, or because it is in force. */
export async function watchInForce(
  log: EventLog,
  stream: string,
  append: () => Promise<unknown>,
): Promise<StreamWatch> {
  const watch = watchStream(log, stream)
  await append()
  await watch.until(() => (watch.reasons.length > 0 ? true : undefined))
  return watch
}
