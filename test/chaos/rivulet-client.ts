/** Rivulet as the client under test: reads streams in every way the API offers, and resumes them from cursors. */
import { type Cursor, type StreamError, isStreamError } from '../../src/base/errors.ts'
import { type Client, createClient } from '../../src/client/client.ts'
import type { Run } from '../../src/client/run.ts'
import type { Subscription } from '../../src/client/subscription.ts'
import type { TextDelta } from '../../src/protocols/native-text.ts'
import type { RetryOptions } from '../../src/source/retry.ts'
import { type ChaosClient, type Ending, type ReadTask, type ServerConnection, prompt } from './client.ts'
import { createAnswer, splitDelta } from './payloads.ts'
import type { Schedule } from './schedule.ts'
import type { Transport } from './transports.ts'

/** Maximum number of times that a run is resumed after an error. */
const MAX_RESUMES = 5
/** A queue small enough to fill up. */
const SMALL_QUEUE = { events: 8, bytes: 2_048 }

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function createSdkClient(
  { connect }: Transport,
  retry: RetryOptions,
  { url, fetch, schedule, onAttempt, onGap }: ReadTask,
): Client {
  const { server, consumer, idleTimeout, stallTimeout } = schedule
  const connectOverProxy = connect(fetch)
  return createClient({
    baseUrl: url,
    connect(request) {
      if (request.method !== 'DELETE') onAttempt(request.lastEventId)
      return connectOverProxy(request)
    },
    retry,
    connectTimeout: 1_500,
    ...(idleTimeout !== undefined && { idleTimeout }),
    ...(stallTimeout !== undefined && { stallTimeout }),
    ...(consumer === 'slow-loop' && { queue: SMALL_QUEUE }),
    // The mock server sends a `reset` event, which tells more exactly where the gap is.
    ...(server !== 'mock' && { onReset: onGap }),
    // Prevents uncaught errors: the stream itself also reports every error.
    onError: () => undefined,
  })
}

/** Creates a function to call after each item of a loop. Its result is true when the consumer must leave the loop. */
function createLoopPacer({ consumer, kind }: Schedule): () => Promise<boolean> | boolean {
  const itemsBeforeExit = kind === 'run' ? 110 : 450
  let count = 0
  return () => {
    count++
    if (consumer === 'slow-loop' && count % 8 === 0) return nextTurn().then(() => false)
    return consumer === 'resuming-loop' && count % itemsBeforeExit === 0
  }
}

/** Consumes a run in the schedule's mode; resolves with the run's text, or with its cursor if the loop was left. */
async function consumeRun(
  run: Run,
  task: ReadTask,
  shouldExitLoop: ReturnType<typeof createLoopPacer>,
): Promise<string | Cursor> {
  const answer = createAnswer(task.schedule.seed)
  let receivedText = ''
  const take = (delta: TextDelta): void => {
    receivedText += delta.content
    for (const item of splitDelta(delta, answer)) task.onItem(item)
  }
  if (task.schedule.consumer === 'listeners') run.on('delta', ({ data }) => take(data))
  else {
    for await (const delta of run) {
      take(delta)
      // The run may have ended meanwhile; its cursor still leads to the remaining deltas.
      if (await shouldExitLoop()) return { ...run.cursor! }
    }
  }
  try {
    const { text } = await run.final()
    if (text !== receivedText)
      throw new Error(
        `The text differs from the deltas delivered: ${text.length} and ${receivedText.length} characters`,
      )
    return text
  } catch (error) {
    const { partial } = error as StreamError
    if (partial !== receivedText)
      throw new Error(
        `The partial text differs from the deltas delivered: ${partial?.length} and ${receivedText.length} characters`,
        {
          cause: error,
        },
      )
    throw error
  }
}

async function readRun(client: Client, task: ReadTask): Promise<Ending> {
  const shouldExitLoop = createLoopPacer(task.schedule)
  let run: Run = client.stream('/api/generate', { json: { prompt } })
  task.signal.addEventListener('abort', () => run.detach())
  for (let errors = 0; ;) {
    let cursor: Cursor | undefined
    try {
      const result = await consumeRun(run, task, shouldExitLoop)
      if (typeof result === 'string') return { end: 'complete' }
      cursor = result
      task.onLoopExit()
    } catch (error) {
      if (task.signal.aborted) return { end: 'stopped' }
      if (isStreamError(error) && error.retryable && error.code !== 'server' && errors++ < MAX_RESUMES)
        cursor = error.cursor
      if (!cursor) return { end: 'error', error }
      task.onInterrupted(error)
    }
    // Copy the cursor through JSON, as an application that stores it would.
    run = client.resume(JSON.parse(JSON.stringify(cursor)) as Cursor)
  }
}

interface FeedEvents {
  item: { n: number; text: string; connection?: ServerConnection }
  tail: { connection?: ServerConnection } | null
  reset: { reason: string }
}

async function readFeed(client: Client, task: ReadTask): Promise<Ending> {
  const shouldExitLoop = createLoopPacer(task.schedule)
  const subscribe = (lastEventId: string): Subscription<FeedEvents> =>
    client.subscribe<FeedEvents>('/api/stream', { lastEventId })
  let feed = subscribe(task.lastEventId)
  task.signal.addEventListener('abort', () => feed.close())
  const take = (type: string, data: unknown): void => {
    if (type === 'item') {
      const { n, connection } = data as FeedEvents['item']
      task.onItem({ position: n, ...(connection && { connection }) })
    } else if (type === 'reset') task.onGap()
    else if (type === 'tail') task.onTail((data as FeedEvents['tail'])?.connection)
  }
  if (task.schedule.consumer === 'listeners') feed.onAny(({ type, data }) => take(type, data))
  for (let resubscribes = task.schedule.consumer !== 'listeners'; resubscribes;) {
    resubscribes = false
    for await (const { type, data } of feed) {
      take(type, data)
      if (type === 'item' && (await shouldExitLoop())) {
        resubscribes = true
        break
      }
    }
    if (resubscribes) {
      task.onLoopExit()
      feed = subscribe(feed.lastEventId)
    }
  }
  const error = await feed.closed
  if (error) return { end: 'error', error }
  return { end: 'stopped' }
}

/** Creates a rivulet client over one transport. */
export function createRivuletClient(
  transport: Transport,
  retry: RetryOptions = { delay: 2, maxDelay: 50 },
): ChaosClient {
  return {
    name: `rivulet over ${transport.name}`,
    hangTimeoutMs: 15_000,
    attemptsPerFault: transport.attemptsPerFault ?? 1,
    async read(task) {
      const client = createSdkClient(transport, retry, task)
      try {
        return await (task.schedule.kind === 'run' ? readRun(client, task) : readFeed(client, task))
      } finally {
        client.close()
      }
    },
  }
}
