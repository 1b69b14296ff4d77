/** Ours, over every kind of connection there is. */
import { type StreamError, isStreamError } from '../../src/base/errors.ts'
import { type Client, createClient } from '../../src/client.ts'
import type { Connect } from '../../src/connect/connect.ts'
import { fetchConnect } from '../../src/connect/fetch.ts'
import type { TextDelta } from '../../src/protocols/native.ts'
import { multiplex } from '../../src/multiplex.ts'
import type { Run } from '../../src/run.ts'
import { type ChaosClient, type Ending, type Task, prompt } from './client.ts'


/** A way to make connections. */
export interface Subject {
  readonly name: string
  /** Makes one for a client. */
  connect(fetch: Task['fetch']): Connect
  /** How many attempts one broken connection can cost. @defaultValue 1 */
  readonly attemptsPerFault?: number
}

/** Another `Connect` is another line here. */
export const subjects: readonly Subject[] = [
  { name: 'fetch', connect: (fetch) => fetchConnect(fetch) },
  {
    name: 'multiplex',
    connect: (fetch) => multiplex('/api/channel', { connect: fetchConnect(fetch), timeout: 1_000 }),
    // That of a request for operations, and the one that waits behind it.
    attemptsPerFault: 2,
  },
]

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

/** Takes all deltas of a run as the schedule's consumer does; resolves with what the run came to. */
async function consume(run: Run, task: Task): Promise<string> {
  const { consumer } = task.schedule
  const take = ({ content, index }: TextDelta): void => task.deliver({ position: index, content })
  let said = ''
  if (consumer === 'listeners') {
    run.on('delta', ({ data }) => {
      said += (data as TextDelta).content
      take(data as TextDelta)
    })
  } else {
    let count = 0
    for await (const delta of run) {
      said += delta.content
      take(delta)
      if (consumer === 'slow-loop' && ++count % 8 === 0) await turn()
    }
  }
  try {
    const { text } = await run.final()
    return text
  } catch (error) {
    const { partial } = error as StreamError
    if (partial !== said) throw new Error(`partial is not what was delivered: ${partial?.length} and ${said.length}`, { cause: error })
    throw error
  }
}

async function readRun(client: Client, task: Task): Promise<Ending> {
  let run: Run = client.stream('/api/generate', { json: { prompt } })
  const stop = (): void => run.detach()
  task.signal.addEventListener('abort', stop)
  let before = ''
  for (let hop = 0; ; hop++) {
    try {
      return { end: 'whole', text: before + (await consume(run, task)) }
    } catch (error) {
      if (task.signal.aborted) return { end: 'left' }
      if (!isStreamError(error) || !error.retryable || !error.cursor || error.code === 'server' || hop === HOPS) return { end: 'error', error }
      task.interrupted(error)
      before += error.partial ?? ''
      run = client.resume(error.cursor)
    }
  }
}

interface Feed {
  item: { n: number; text: string }
  tail: null
  reset: { reason: string }
}

async function readFeed(client: Client, task: Task): Promise<Ending> {
  const feed = client.subscribe<Feed>('/api/stream', { lastEventId: task.lastEventId })
  task.signal.addEventListener('abort', () => feed.close())
  const take = (type: string, data: unknown): void => {
    if (type === 'item') task.deliver({ position: (data as Feed['item']).n })
    else if (type === 'reset') task.tellGap()
    else if (type === 'tail') task.tellTail()
  }
  const { consumer } = task.schedule
  if (consumer === 'listeners') feed.onAny(({ type, data }) => take(type, data))
  else {
    let count = 0
    for await (const { type, data } of feed) {
      take(type, data)
      if (consumer === 'slow-loop' && ++count % 8 === 0) await turn()
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

