/** The soak's client in Node, in a process of its own: reads the feed and reports memory, counts and leftovers. */
import { getEventListeners } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { createClient } from '../../src/client/client.ts'
import { persist } from '../../src/persist.ts'
import { type EventCounts, SAMPLE_COUNT, type Leftovers, type HeapSample, type Plan } from './plan.ts'

/** A message to the parent: a heap sample, or the result at the end. */
export type Report = { readonly sample: HeapSample } | { readonly counts: EventCounts; readonly leftovers: Leftovers }

const [, , url = '', lastEventId = '', plan = ''] = process.argv
const { events } = JSON.parse(plan) as Plan

// Node creates these streams on first access, and `fetch` accesses them: create them before counting resources.
void [process.stdout, process.stderr]
const initialResources = process.getActiveResourcesInfo()
/** Counts the resources that keep the process alive, by kind, excluding the initial resources. */
const countResources = (): Record<string, number> => {
  const active = process.getActiveResourcesInfo()
  for (const kind of initialResources) if (active.includes(kind)) active.splice(active.indexOf(kind), 1)
  return Object.fromEntries([...new Set(active)].map((kind) => [kind, active.filter((each) => each === kind).length]))
}

const store = new Map<string, string>()
const storage = {
  getItem: (key: string) => store.get(key),
  setItem: (key: string, value: string) => store.set(key, value),
  removeItem: (key: string) => store.delete(key),
}
const { signal } = new AbortController()
let reconnects = 0
const client = createClient({ baseUrl: url, retry: { delay: 1, maxDelay: 10 } })
const feed = client.subscribe<{ number: number }>('/api/stream', {
  signal,
  lastEventId,
  persist: persist({ key: 'soak', storage }),
  onStateChange: ({ status }) => status === 'waiting' && reconnects++,
})
let listenerCalls = 0
feed.on('number', () => listenerCalls++)

/** Takes a heap sample while the loop that reads the feed is paused. */
async function sample(): Promise<HeapSample> {
  // Objects in use until now are released in the next turns of the event loop.
  for (let round = 0; round < 3; round++) {
    await turn()
    globalThis.gc!()
  }
  const { heapUsed, external } = process.memoryUsage()
  const timers = countResources()['Timeout'] ?? 0
  return { heapBytes: heapUsed + external, listeners: getEventListeners(signal, 'abort').length, timers }
}

let expected = 0
let received = 0
let lost = 0
let repeated = 0
for await (const event of feed) {
  if (event.type !== 'number') continue
  const { data } = event
  received++
  if (data < expected) repeated++
  else {
    lost += data - expected
    expected = data + 1
  }
  if (expected % (events / SAMPLE_COUNT) === 0) process.send!({ sample: await sample() } satisfies Report)
  if (expected >= events) break
}
if (listenerCalls !== received) throw new Error(`The listener received ${listenerCalls} events, the loop ${received}`)

// Wait until everything is released, for 3 s at most: sockets and the store's last write take a moment.
for (let round = 0; round < 300 && Object.keys(countResources()).length > 0; round++) {
  await new Promise((resolve) => setTimeout(resolve, 10))
  await turn()
}
const leftovers: Leftovers = { listeners: getEventListeners(signal, 'abort').length, ...countResources() }
process.send!({ counts: { received, lost, repeated, reconnects }, leftovers } satisfies Report)
// Without leftovers, the process now exits by itself, which the parent checks.
process.disconnect()
