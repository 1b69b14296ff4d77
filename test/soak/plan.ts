/** The plan for a soak (number of events and reconnects), its result, and the evaluation of memory growth. */

export interface Plan {
  /** Total number of events. */
  readonly events: number
  /** Number of connections that are reset in the middle of an event. */
  readonly reconnects: number
}

/** Number of heap samples, spread evenly over the events. */
export const SAMPLE_COUNT = 10

/** Event counts of the client. The events carry consecutive numbers from 0. */
export interface EventCounts {
  readonly received: number
  readonly lost: number
  readonly repeated: number
  /** Number of times that the feed lost its connection and waited for the next attempt. */
  readonly reconnects: number
}

/** Memory and resources of the client at one moment. */
export interface HeapSample {
  /** Size of the JavaScript heap after a garbage collection, buffers included. */
  readonly heapBytes: number
  /** Size of the browser's own heap, which grows with every request of any page. */
  readonly platformBytes?: number
  /** Number of registered event listeners. */
  readonly listeners: number
  /** Number of pending timers. */
  readonly timers: number
}

/** Counts of resources that must be 0 at the end. */
export type Leftovers = Readonly<Record<string, number>>

export interface SoakResult {
  readonly runtime: string
  readonly samples: readonly HeapSample[]
  readonly counts: EventCounts
  readonly leftovers: Leftovers
  /** Number of feed requests that the server received. */
  readonly requests: number
  readonly seconds: number
}

/** Returns the number of events after which each connection is reset, including the `connected` event. */
export function eventsPerConnection({ events, reconnects }: Plan): number {
  return Math.max(2, Math.floor(events / reconnects))
}

/** How much a heap that does not grow may vary, for example because of newly optimized code or a batch in progress. */
export const HEAP_NOISE_BYTES = 0x100000

/**
 * Returns by how many bytes the smallest heap of the last three samples exceeds the smallest heap of samples 2 to 4.
 * The first sample is not used, because the client is still warming up.
 */
export function heapGrowth(samples: readonly HeapSample[]): number {
  const lowest = (group: readonly HeapSample[]): number => Math.min(...group.map(({ heapBytes }) => heapBytes))
  return lowest(samples.slice(-3)) - lowest(samples.slice(1, 4))
}
