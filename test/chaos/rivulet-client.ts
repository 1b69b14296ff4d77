/** Ours as a client of the chaos: it reads in each way that a user can, and goes on from cursors. */
import { type Cursor, type StreamError, isStreamError } from '../../src/base/errors.ts'
import { type Client, createClient } from '../../src/client/client.ts'
import type { TextDelta } from '../../src/protocols/native.ts'
import type { Run } from '../../src/client/run.ts'
import type { Subscription } from '../../src/client/subscription.ts'
import { type ChaosClient, type Ending, type Task, prompt } from './client.ts'
import type { Schedule } from './schedule.ts'
import type { Subject } from './transports.ts'

/** Errors after which a stream is gone on with, at most. */
const HOPS = 5
/** A queue that fills. */
const NARROW = { events: 8, bytes: 2_048 }

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function createOurs({ connect }: Subject, { url, fetch, schedule, attempt }: Task): Client {
  const { consumer, idleTimeout, stallTimeout } = schedule
  const open = connect(fetch)
  return createClient({
    baseUrl: url,
    connect(request) {
      if (request.method !== 'DELETE') attempt(request.lastEventId)
      return open(request)
    },
    retry: { delay: 2, maxDelay: 50 },
    connectTimeout: 1_500,
    ...(idleTimeout !== undefined && { idleTimeout }),
    ...(stallTimeout !== undefined && { stallTimeout }),
    ...(consumer === 'slow-loop' && { queue: NARROW }),
    // What is told here is told by the stream as well.
    onError: () => undefined,
  })
}

/** What a loop does after each thing that it takes; `true`: it is to be left. */
function createPace({ consumer, kind }: Schedule): () => Promise<boolean> | boolean {
  const stay = kind === 'run' ? 110 : 450
  let count = 0
  return () => {
    count++
    if (consumer === 'slow-loop' && count % 8 === 0) return turn().then(() => false)
    return consumer === 'leaving' && count % stay === 0
  }
}

/** Takes the deltas of a run as the schedule's consumer does; resolves with the run's text, or with where to go on. */
async function consume(run: Run, task: Task, pace: ReturnType<typeof createPace>): Promise<string | Cursor> {
  let said = ''
  const take = ({ content, index }: TextDelta): void => {
    said += content
    task.deliver({ position: index, content })
  }
  if (task.schedule.consumer === 'listeners') run.on('delta', ({ data }) => take(data as TextDelta))
  else {
    for await (const delta of run) {
      take(delta)
      // Whatever has become of the run by now, the rest of it is behind its cursor.
      if (await pace()) return { ...run.cursor! }
    }
  }
  try {
    const { text } = await run.final()
    if (text !== said) throw new Error(`text is not what was delivered: ${text.length} and ${said.length}`)
    return text
  } catch (error) {
    const { partial } = error as StreamError
    if (partial !== said)
      throw new Error(`partial is not what was delivered: ${partial?.length} and ${said.length}`, { cause: error })
    throw error
  }
}

async function readRun(client: Client, task: Task): Promise<Ending> {
  const pace = createPace(task.schedule)
  let run: Run = client.stream('/api/generate', { json: { prompt } })
  task.signal.addEventListener('abort', () => run.detach())
  for (let errors = 0; ;) {
    let cursor: Cursor | undefined
    try {
      const result = await consume(run, task, pace)
      if (typeof result === 'string') return { end: 'whole' }
      cursor = result
      task.left()
    } catch (error) {
      if (task.signal.aborted) return { end: 'left' }
      if (isStreamError(error) && error.retryable && error.code !== 'server' && errors++ < HOPS) cursor = error.cursor
      if (!cursor) return { end: 'error', error }
      task.interrupted(error)
    }
    // As it is stored.
    run = client.resume(JSON.parse(JSON.stringify(cursor)) as Cursor)
  }
}

interface Feed {
  item: { n: number; text: string }
  tail: null
  reset: { reason: string }
}

async function readFeed(client: Client, task: Task): Promise<Ending> {
  const pace = createPace(task.schedule)
  const subscribe = (lastEventId: string): Subscription<Feed> => client.subscribe<Feed>('/api/stream', { lastEventId })
  let feed = subscribe(task.lastEventId)
  task.signal.addEventListener('abort', () => feed.close())
  const take = (type: string, data: unknown): void => {
    if (type === 'item') task.deliver({ position: (data as Feed['item']).n })
    else if (type === 'reset') task.tellGap()
    else if (type === 'tail') task.tellTail()
  }
  if (task.schedule.consumer === 'listeners') feed.onAny(({ type, data }) => take(type, data))
  for (let leaving = task.schedule.consumer !== 'listeners'; leaving;) {
    leaving = false
    for await (const { type, data } of feed) {
      take(type, data)
      if (type === 'item' && (await pace())) {
        leaving = true
        break
      }
    }
    if (leaving) {
      task.left()
      feed = subscribe(feed.lastEventId)
    }
  }
  const error = await feed.closed
  if (error) return { end: 'error', error }
  return { end: 'left' }
}

/** A client of ours over one kind of connection. */
export function ours(subject: Subject): ChaosClient {
  return {
    name: `rivulet over ${subject.name}`,
    patience: 15_000,
    attemptsPerFault: subject.attemptsPerFault ?? 1,
    async read(task) {
      const client = createOurs(subject, task)
      try {
        return await (task.schedule.kind === 'run' ? readRun(client, task) : readFeed(client, task))
      } finally {
        client.close()
      }
    },
  }
}
