/** One stream of one client through one schedule. */
import type { ChaosClient, Ending, StreamItem } from './client.ts'
import type { Interruption, StreamRecord } from './record.ts'
import type { Schedule } from './schedule.ts'
import { openChaosServer } from './chaos-server.ts'

/** The first event of a run, which is no progress: it is sent again to whoever joins. */
const START_EVENT_ID = /^[0-9a-f-]{36}:1$/

/** The shortest of the clients' timeouts, less what timers are early. */
const SLOW_ATTEMPT_MS = 700

/** Settles after `patience` milliseconds without anything new; `moved` says that there is. */
function watchForHang(timeoutMs: number): { hung: Promise<{ end: 'hung' }>; onProgress(): void; stop(): void } {
  let at = performance.now()
  let timer: NodeJS.Timeout | undefined
  const hung = new Promise<{ end: 'hung' }>((resolve) => {
    timer = setInterval(() => performance.now() - at > timeoutMs && resolve({ end: 'hung' }), 100)
  })
  return {
    hung,
    onProgress: () => void (at = performance.now()),
    stop: () => clearInterval(timer),
  }
}

/** Runs it; never rejects for what the client does. */
export async function runTrial(client: ChaosClient, schedule: Schedule): Promise<StreamRecord> {
  const chaosServer = await openChaosServer(schedule, client.rules)
  const items: (StreamItem | 'gap')[] = []
  const interruptions: Interruption[] = []
  const deliveredPositions = new Set<number>()
  const stopController = new AbortController()
  const { hung, onProgress, stop } = watchForHang(client.hangTimeoutMs)
  let ended: Ending | undefined
  let posts = 0
  let requests = 0
  let refusedRequests = 0
  let attempts = 0
  let slowAttempts = 0
  let attemptedAt = Infinity
  let attemptsWithoutProgress = 0 // attempts since the position moved
  let position: string | undefined

  const endAttempt = (): void => {
    const now = performance.now()
    if (now - attemptedAt >= SLOW_ATTEMPT_MS) slowAttempts++
    attemptedAt = now
  }
  const createInterruption = (error: unknown): Interruption => {
    endAttempt()
    return {
      error,
      attemptsWithoutProgress,
      attempts,
      faults: chaosServer.faultCounts(),
      refusedRequests,
      slowAttempts,
    }
  }
  const countingFetch: typeof fetch = async (input, init) => {
    requests++
    if (init?.method === 'POST') posts++
    try {
      return await fetch(input, init)
    } catch (error) {
      if ((error as { cause?: { code?: string } }).cause?.code === 'ECONNREFUSED') refusedRequests++
      throw error
    }
  }
  const reading = client.read({
    url: chaosServer.url,
    fetch: countingFetch,
    schedule,
    lastEventId: chaosServer.lastEventId,
    signal: stopController.signal,
    onAttempt(lastEventId = '') {
      endAttempt()
      const requestedPosition = START_EVENT_ID.test(lastEventId) ? '' : lastEventId
      attempts++
      attemptsWithoutProgress = requestedPosition === position ? attemptsWithoutProgress + 1 : 1
      position = requestedPosition
    },
    onItem(item) {
      items.push(item)
      if (deliveredPositions.has(item.position)) return
      deliveredPositions.add(item.position)
      onProgress()
      chaosServer.onDelivered(deliveredPositions.size)
    },
    onGap: () => items.push('gap'),
    onTail() {
      ended ??= { end: 'complete' }
      stopController.abort()
    },
    onInterrupted(error) {
      interruptions.push(createInterruption(error))
      attemptsWithoutProgress = 0
    },
    onLoopExit() {
      attempts-- // it did not fail
      attemptsWithoutProgress = 0
    },
  })
  const settledEnding = reading.catch((error: unknown): Ending => ({ end: 'error', error }))
  const ending = await Promise.race([settledEnding, hung])
  const last = ending.end === 'error' ? [createInterruption(ending.error)] : []
  stop()
  stopController.abort()
  await settledEnding
  const faults = chaosServer.faultCounts()
  const runs = chaosServer.runCount()
  await chaosServer.close()
  return { items, errors: [...interruptions, ...last], ending: ended ?? ending, faults, posts, requests, runs }
}
