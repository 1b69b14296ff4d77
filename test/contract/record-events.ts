/** Recorders that collect the events of feeds and the deltas of runs. */
import type { StreamEvent } from '../../src/base/events.ts'
import type { Run } from '../../src/client/run.ts'
import type { Subscription } from '../../src/client/subscription.ts'

/** Returns an array to which every event of the feed is appended as it arrives. */
export function recordEvents(feed: Subscription): StreamEvent[] {
  const events: StreamEvent[] = []
  feed.onAny((event) => events.push(event))
  return events
}

/** Returns the data of all events of the given type. */
export function payloadsOf(events: readonly StreamEvent[], type = 'message'): unknown[] {
  return events.filter((event) => event.type === type).map(({ data }) => data)
}

/** Iterates over a run until it ends; returns the contents and indexes of the deltas, and any error it threw. */
export async function readRun(run: Run): Promise<{ contents: string[]; indexes: number[]; error?: unknown }> {
  const contents: string[] = []
  const indexes: number[] = []
  try {
    for await (const { content, index } of run) {
      contents.push(content)
      indexes.push(index)
    }
  } catch (error) {
    return { contents, indexes, error }
  }
  return { contents, indexes }
}
