/** Ours as a client of the chaos: it reads in each way that a user can, and goes on from cursors. */
import { type Cursor, type StreamError, isStreamError } from '../../src/base/errors.ts'
import { type Client, createClient } from '../../src/client/client.ts'
import type { TextDelta } from '../../src/protocols/native.ts'
import type { Run } from '../../src/client/run.ts'
import type { Subscription } from '../../src/client/subscription.ts'
import { type ChaosClient, type Ending, type ReadTask, prompt } from './client.ts'
import type { Schedule } from './schedule.ts'
import type { Transport } from './transports.ts'

/** Errors after which a stream is gone on with, at most. */
const MAX_RESUMES = 5
/** A queue that fills. */
const SMALL_QUEUE = { events: 8, bytes: 2_048 }

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function createSdkClient({ connect }: Transport, { url, fetch, schedule, onAttempt }: ReadTask): Client {
  const { consumer, idleTimeout, stallTimeout } = schedule
  const connectOverProxy = connect(fetch)
  return createClient({
    baseUrl: url,
    connect(request) {
      if (request.method !== 'DELETE') onAttempt(request.lastEventId)
      return connectOverProxy(request)
    },
    retry: { delay: 2, maxDelay: 50 },
    connectTimeout: 1_500,
    ...(idleTimeout !== undefined && { idleTimeout }),
    ...(stallTimeout !== undefined && { stallTimeout }),
    ...(consumer === 'slow-loop' && { queue: SMALL_QUEUE }),
    // What is told here is told by the stream as well.
    onError: () => undefined,
  })
}

/** What a loop does after each thing that it takes; `true`: it is to be left. */
function createLoopPacer({ consumer, kind }: Schedule): () => Promise<boolean> | boolean {
  const itemsBeforeExit = kind === 'run' ? 110 : 450
  let count = 0
  return () => {
    count++
    if (consumer === 'slow-loop' && count % 8 === 0) return nextTurn().then(() => false)
    return consumer === 'resuming-loop' && count % itemsBeforeExit === 0
  }
}

/** Takes the deltas of a run as the schedule's consumer does; resolves with the run's text, or with where to go on. */
async function consumeRun(
  run: Run,
  task: ReadTask,
  shouldExitLoop: ReturnType<typeof createLoopPacer>,
): Promise<string | Cursor> {
  let receivedText = ''
  const take = ({ content, index }: TextDelta): void => {
    receivedText += content
    task.onItem({ position: index, content })
  }
  if (task.schedule.consumer === 'listeners') run.on('delta', ({ data }) => take(data as TextDelta))
  else {
    for await (const delta of run) {
      take(delta)
      // Whatever has become of the run by now, the rest of it is behind its cursor.
      if (await shouldExitLoop()) return { ...run.cursor! }
    }
  }
  try {
    const { text } = await run.final()
    if (text !== receivedText)
      throw new Error(`text is not what was delivered: ${text.length} and ${receivedText.length}`)
    return text
  } catch (error) {
    const { partial } = error as StreamError
    if (partial !== receivedText)
      throw new Error(`partial is not what was delivered: ${partial?.length} and ${receivedText.length}`, {
        cause: error,
      })
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
    // As it is stored.
    run = client.resume(JSON.parse(JSON.stringify(cursor)) as Cursor)
  }
}

interface FeedEvents {
  item: { n: number; text: string }
  tail: null
  reset: { reason: string }
}

async function readFeed(client: Client, task: ReadTask): Promise<Ending> {
  const shouldExitLoop = createLoopPacer(task.schedule)
  const subscribe = (lastEventId: string): Subscription<FeedEvents> =>
    client.subscribe<FeedEvents>('/api/stream', { lastEventId })
  let feed = subscribe(task.lastEventId)
  task.signal.addEventListener('abort', () => feed.close())
  const take = (type: string, data: unknown): void => {
    if (type === 'item') task.onItem({ position: (data as FeedEvents['item']).n })
    else if (type === 'reset') task.onGap()
    else if (type === 'tail') task.onTail()
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

/** A client of ours over one kind of connection. */
export function createRivuletClient(transport: Transport): ChaosClient {
  return {
    name: `rivulet over ${transport.name}`,
    hangTimeoutMs: 15_000,
    attemptsPerFault: transport.attemptsPerFault ?? 1,
    async read(task) {
      const client = createSdkClient(transport, task)
      try {
        return await (task.schedule.kind === 'run' ? readRun(client, task) : readFeed(client, task))
      } finally {
        client.close()
      }
    },
  }
}
