/** One stream of one client through one schedule. */
import type { ChaosClient, Ending, Item } from './client.ts'
import type { Interruption, StreamRecord } from './record.ts'
import type { Schedule } from './schedule.ts'
import { openStage } from './chaos-server.ts'

/** The first event of a run, which is no progress: it is sent again to whoever joins. */
const START = /^[0-9a-f-]{36}:1$/

/** The shortest of the clients' timeouts, less what timers are early. */
const SLOW = 700

/** Settles after `patience` milliseconds without anything new; `moved` says that there is. */
function watch(patience: number): { hung: Promise<{ end: 'hung' }>; moved(): void; stop(): void } {
  let at = performance.now()
  let timer: NodeJS.Timeout | undefined
  const hung = new Promise<{ end: 'hung' }>((resolve) => {
    timer = setInterval(() => performance.now() - at > patience && resolve({ end: 'hung' }), 100)
  })
  return {
    hung,
    moved: () => void (at = performance.now()),
    stop: () => clearInterval(timer),
  }
}

/** Runs it; never rejects for what the client does. */
export async function runTrial(client: ChaosClient, schedule: Schedule): Promise<StreamRecord> {
  const stage = await openStage(schedule, client.rules)
  const items: (Item | 'gap')[] = []
  const interruptions: Interruption[] = []
  const seen = new Set<number>()
  const leave = new AbortController()
  const { hung, moved, stop } = watch(client.patience)
  let ended: Ending | undefined
  let posts = 0
  let requests = 0
  let refusals = 0
  let attempts = 0
  let slow = 0
  let attemptedAt = Infinity
  let barren = 0 // attempts since the position moved
  let position: string | undefined

  const attemptIsOver = (): void => {
    const now = performance.now()
    if (now - attemptedAt >= SLOW) slow++
    attemptedAt = now
  }
  const interruption = (error: unknown): Interruption => {
    attemptIsOver()
    return { error, barren, attempts, faults: stage.faults(), refusals, slow }
  }
  const counted: typeof fetch = async (input, init) => {
    requests++
    if (init?.method === 'POST') posts++
    try {
      return await fetch(input, init)
    } catch (error) {
      if ((error as { cause?: { code?: string } }).cause?.code === 'ECONNREFUSED') refusals++
      throw error
    }
  }
  const reading = client.read({
    url: stage.url,
    fetch: counted,
    schedule,
    lastEventId: stage.lastEventId,
    signal: leave.signal,
    attempt(lastEventId = '') {
      attemptIsOver()
      const asked = START.test(lastEventId) ? '' : lastEventId
      attempts++
      barren = asked === position ? barren + 1 : 1
      position = asked
    },
    deliver(item) {
      items.push(item)
      if (seen.has(item.position)) return
      seen.add(item.position)
      moved()
      stage.reached(seen.size)
    },
    tellGap: () => items.push('gap'),
    tellTail() {
      ended ??= { end: 'whole' }
      leave.abort()
    },
    interrupted(error) {
      interruptions.push(interruption(error))
      barren = 0
    },
    left() {
      attempts-- // it did not fail
      barren = 0
    },
  })
  const told = reading.catch((error: unknown): Ending => ({ end: 'error', error }))
  const ending = await Promise.race([told, hung])
  const last = ending.end === 'error' ? [interruption(ending.error)] : []
  stop()
  leave.abort()
  await told
  const faults = stage.faults()
  const runs = stage.runs()
  await stage.close()
  return { items, errors: [...interruptions, ...last], ending: ended ?? ending, faults, posts, requests, runs }
}
