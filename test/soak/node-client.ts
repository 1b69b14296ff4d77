/** The soak's client in Node, a process of its own: reads the feed, and tells what it costs and what it leaves. */
import { getEventListeners } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { createClient } from '../../src/client/client.ts'
import { persist } from '../../src/persist.ts'
import { type EventCounts, SAMPLE_COUNT, type Leftovers, type HeapSample, type Plan } from './plan.ts'

/** What it says: at each look, and in the end. */
export type Report = { readonly sample: HeapSample } | { readonly counts: EventCounts; readonly leftovers: Leftovers }

const [, , url = '', plan = ''] = process.argv
const { events } = JSON.parse(plan) as Plan

// They are made when they are first asked for, which Node's own fetch does.
void [process.stdout, process.stderr]
/** What keeps the process alive, by kind, without what was there before. */
const before = process.getActiveResourcesInfo()
const resources = (): Record<string, number> => {
  const now = process.getActiveResourcesInfo()
  for (const kind of before) if (now.includes(kind)) now.splice(now.indexOf(kind), 1)
  return Object.fromEntries([...new Set(now)].map((kind) => [kind, now.filter((each) => each === kind).length]))
}

const store = new Map<string, string>()
const storage = {
  getItem: (key: string) => store.get(key),
  setItem: (key: string, value: string) => store.set(key, value),
  removeItem: (key: string) => store.delete(key),
}
const leaving = new AbortController()
const { signal } = leaving
let reconnects = 0
const client = createClient({ baseUrl: url, retry: { delay: 1, maxDelay: 10 } })
const feed = client.subscribe<{ number: number }>('/api/stream', {
  signal,
  persist: persist({ key: 'soak', storage }),
  onStateChange: ({ status }) => status === 'waiting' && reconnects++,
})
let listenerCount = 0
feed.on('number', () => listenerCount++)

/** While the loop is held. */
async function sample(): Promise<HeapSample> {
  // What was in use until now is given up in the next turns.
  for (let round = 0; round < 3; round++) {
    await turn()
    globalThis.gc!()
  }
  const { heapUsed, external } = process.memoryUsage()
  const timers = resources()['Timeout'] ?? 0
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
if (listenerCount !== received) throw new Error(`The listener has heard ${listenerCount} events, the loop ${received}`)

// Until there is nothing, or nothing more happens: sockets and the last write of the store take a moment.
for (let round = 0; round < 300 && Object.keys(resources()).length > 0; round++) {
  await new Promise((resolve) => setTimeout(resolve, 10))
  await turn()
}
const leftovers: Leftovers = { listeners: getEventListeners(signal, 'abort').length, ...resources() }
process.send!({ counts: { received, lost, repeated, reconnects }, leftovers } satisfies Report)
// With nothing left there is nothing to wait for: whoever started this sees it end by itself.
process.disconnect()
