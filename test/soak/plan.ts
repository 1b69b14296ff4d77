/** What a soak is: so many events of one feed, over so many connections, looked at ten times. */

export interface Plan {
  /** Events, all in all. */
  readonly events: number
  /** Connections that are reset under way, in the middle of an event. */
  readonly reconnects: number
}

/** Looks at the heap, evenly spread over the events. */
export const SAMPLE_COUNT = 10

/** What a client has counted. Events are numbers from 0. */
export interface EventCounts {
  readonly received: number
  readonly lost: number
  readonly repeated: number
  /** How often it had no connection and waited for the next. */
  readonly reconnects: number
}

/** What was seen at one of the looks, in bytes. */
export interface HeapSample {
  /** What lives on the heap of JavaScript, its buffers included, after a collection. */
  readonly heapBytes: number
  /** What a browser has of its own beside it: that grows with each request, also of a page that only fetches. */
  readonly platformBytes?: number
  /** Listeners and timers that are there. */
  readonly listeners: number
  readonly timers: number
}

/** What is to be nothing in the end. */
export type Leftovers = Readonly<Record<string, number>>

export interface SoakResult {
  readonly runtime: string
  readonly samples: readonly HeapSample[]
  readonly counts: EventCounts
  readonly leftovers: Leftovers
  /** Requests that the server has seen. */
  readonly requests: number
  readonly seconds: number
}

/** Events of one connection, the greeting included, before it is reset. */
export function eventsPerConnection({ events, reconnects }: Plan): number {
  return Math.max(2, Math.floor(events / reconnects))
}

/** What a heap that does not grow still differs by (bytes): code that becomes hot, a batch under way. */
export const HEAP_NOISE_BYTES = 0x100000

/** By how much the heap of the last looks is above that of the first ones, each at its lowest (bytes). The very first look is warming up. */
export function heapGrowth(samples: readonly HeapSample[]): number {
  const lowest = (some: readonly HeapSample[]): number => Math.min(...some.map(({ heapBytes }) => heapBytes))
  return lowest(samples.slice(-3)) - lowest(samples.slice(1, 4))
}
