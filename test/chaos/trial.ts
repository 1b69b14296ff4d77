/** Runs one stream of one client through one schedule. */
import { openChaosServer } from './chaos-server.ts'
import type { ChaosClient, Ending, ServerConnection, StreamItem } from './client.ts'
import type { Interruption, StreamRecord } from './record.ts'
import type { Schedule } from './schedule.ts'

/** Matches the ID of a run's `start` event. This event does not count as progress, because every new connection receives it again. */
const START_EVENT_ID = /^[0-9a-f-]{36}-1-[0-9a-f]{8}$/

/** The shortest client timeout, minus a margin for timers that fire early. */
const SLOW_ATTEMPT_MS = 700

/** Consecutive requests without a new item after which a client counts as hung, although it keeps trying. */
const MAX_IDLE_REQUESTS = 200

interface HangWatch {
  readonly hung: Promise<{ end: 'hung' }>
  onRequest(): void
  onItem(): void
  stop(): void
}

/**
 * Resolves `hung` after `timeoutMs` with neither a request nor a new item, or after too many requests without a new item.
 * Each request restarts the timeout, because on a busy machine attempts may time out for a while through no fault of the client.
 */
function watchForHang(timeoutMs: number): HangWatch {
  let activeAt = performance.now()
  let idleRequests = 0
  let timer: NodeJS.Timeout | undefined
  const isHung = (): boolean => performance.now() - activeAt > timeoutMs || idleRequests > MAX_IDLE_REQUESTS
  const hung = new Promise<{ end: 'hung' }>((resolve) => {
    timer = setInterval(() => isHung() && resolve({ end: 'hung' }), 100)
  })
  return {
    hung,
    onRequest() {
      activeAt = performance.now()
      idleRequests++
    },
    onItem() {
      activeAt = performance.now()
      idleRequests = 0
    },
    stop: () => clearInterval(timer),
  }
}

/**
 * Runs the trial against the server that `open` starts. An error of the client is recorded and does not reject the
 * promise.
 */
export async function runTrial(
  client: ChaosClient,
  schedule: Schedule,
  open: typeof openChaosServer = openChaosServer,
): Promise<StreamRecord> {
  const chaosServer = await open(schedule, client.rules)
  const items: (StreamItem | 'gap')[] = []
  const interruptions: Interruption[] = []
  const deliveredPositions = new Set<number>()
  const stopController = new AbortController()
  const hangWatch = watchForHang(client.hangTimeoutMs)
  let ended: Ending | undefined
  let tailConnection: ServerConnection | undefined
  let posts = 0
  let requests = 0
  let refusedRequests = 0
  let attempts = 0
  let slowAttempts = 0
  let attemptedAt = Infinity
  let attemptsWithoutProgress = 0 // attempts since the cursor last advanced
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
    hangWatch.onRequest()
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
      hangWatch.onItem()
      chaosServer.onDelivered(deliveredPositions.size)
    },
    onGap: () => items.push('gap'),
    onTail(connection) {
      ended ??= { end: 'complete' }
      tailConnection ??= connection
      stopController.abort()
    },
    onInterrupted(error) {
      interruptions.push(createInterruption(error))
      attemptsWithoutProgress = 0
    },
    onLoopExit() {
      attempts-- // this attempt did not fail
      attemptsWithoutProgress = 0
    },
  })
  const settledEnding = reading.catch((error: unknown): Ending => ({ end: 'error', error }))
  const ending = await Promise.race([settledEnding, hangWatch.hung])
  const last = ending.end === 'error' ? [createInterruption(ending.error)] : []
  hangWatch.stop()
  stopController.abort()
  await settledEnding
  const faults = chaosServer.faultCounts()
  const runs = chaosServer.runCount()
  await chaosServer.close()
  return {
    items,
    errors: [...interruptions, ...last],
    ...(tailConnection && { tailConnection }),
    ending: ended ?? ending,
    faults,
    posts,
    requests,
    runs,
  }
}
