/** Other SSE clients, used as documented; only `bench/` depends on them. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { Window } from 'happy-dom'
import { type ChaosClient, type Ending, type ReadTask, type ServerConnection, prompt } from './client.ts'

const BENCH_FOLDER = `${process.cwd()}/bench/`

const importPeer = <Module>(name: string): Promise<Module> =>
  import(
    /* @vite-ignore */ pathToFileURL(createRequire(`${BENCH_FOLDER}package.json`).resolve(name)).href
  ) as Promise<Module>

const versionOf = (name: string): string =>
  (JSON.parse(readFileSync(`${BENCH_FOLDER}node_modules/${name}/package.json`, 'utf8')) as { version: string }).version

/** Longer than any peer waits before it retries. */
const HANG_TIMEOUT_MS = 6_000

interface Message {
  id: string
  event: string
  data: string
}

interface FetchEventSourceModule {
  fetchEventSource(url: string, options: Record<string, unknown>): Promise<void>
}

interface EventSourceModule {
  EventSource: new (
    url: string,
    init: { fetch: (url: string, init: RequestInit) => Promise<Response> },
  ) => {
    readonly readyState: number
    close(): void
    addEventListener(type: string, listener: (event: { data: string; message?: string; code?: number }) => void): void
  }
}

const deliverEvent = (task: ReadTask, type: string, data: string): void => {
  if (type === 'delta') {
    const { content, index } = JSON.parse(data) as { content: string; index: number }
    task.onItem({ position: index, content })
  } else if (type === 'item') {
    const { n, connection } = JSON.parse(data) as { n: number; connection?: ServerConnection }
    task.onItem({ position: n, ...(connection && { connection }) })
  } else if (type === 'reset') task.onGap()
  else if (type === 'tail') task.onTail((JSON.parse(data) as { connection?: ServerConnection } | null)?.connection)
}

/** Creates a client that uses the library's own retries with a shorter delay. It throws in `onclose`, the documented way to reconnect after a clean end. */
async function createFetchEventSourcePeer(): Promise<ChaosClient> {
  const window = new Window()
  Object.assign(globalThis, { window, document: window.document })
  const { fetchEventSource } = await importPeer<FetchEventSourceModule>('@microsoft/fetch-event-source')
  return {
    name: `@microsoft/fetch-event-source ${versionOf('@microsoft/fetch-event-source')}`,
    hangTimeoutMs: HANG_TIMEOUT_MS,
    async read(task): Promise<Ending> {
      const isRun = task.schedule.kind === 'run'
      const requestInit = isRun
        ? { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ prompt }) }
        : { headers: { 'last-event-id': task.lastEventId } }
      let failure: unknown
      await fetchEventSource(`${task.url}${isRun ? '/api/generate' : '/api/stream'}`, {
        ...requestInit,
        fetch: task.fetch,
        openWhenHidden: true,
        signal: task.signal,
        onmessage({ event, data }: Message) {
          if (isRun && event === 'error') failure = new Error(data)
          deliverEvent(task, event, data)
        },
        onclose() {
          if (!isRun) throw new Error('closed')
        },
        onerror: () => 5,
      })
      if (task.signal.aborted) return { end: 'stopped' }
      return failure ? { end: 'error', error: failure } : { end: 'complete' }
    },
  }
}

/** Creates a client that can send only GET requests; the server's `retry:` field shortens the reconnect delay. */
async function createEventSourcePeer(): Promise<ChaosClient> {
  const { EventSource } = await importPeer<EventSourceModule>('eventsource')
  return {
    name: `eventsource ${versionOf('eventsource')}`,
    rules: [{ retry: 5 }],
    hangTimeoutMs: HANG_TIMEOUT_MS,
    read: (task) =>
      new Promise((resolve) => {
        const isRun = task.schedule.kind === 'run'
        const url = isRun ? `${task.url}/api/generate?prompt=${prompt}` : `${task.url}/api/stream`
        const source = new EventSource(url, {
          fetch(to, init) {
            const headers = new Headers(init.headers)
            // The library has no option for the initial event ID.
            if (!isRun && !headers.has('last-event-id')) headers.set('last-event-id', task.lastEventId)
            return task.fetch(to, { ...init, headers })
          },
        })
        const finish = (ending: Ending): void => {
          source.close()
          resolve(ending)
        }
        task.signal.addEventListener('abort', () => finish({ end: 'stopped' }))
        for (const type of ['delta', 'item', 'reset', 'tail']) {
          source.addEventListener(type, ({ data }) => {
            try {
              deliverEvent(task, type, data)
            } catch (error) {
              finish({ end: 'error', error }) // the data is not JSON
            }
          })
        }
        source.addEventListener('end', () => finish({ end: 'complete' }))
        source.addEventListener('error', (event) => {
          // With data, this is the run's own `error` event; without data, it has given up only if it is closed.
          if (event.data !== undefined) finish({ end: 'error', error: new Error(event.data) })
          else if (source.readyState === 2)
            finish({ end: 'error', error: new Error(`closed: ${event.code ?? event.message}`) })
        })
      }),
  }
}

export async function loadPeers(): Promise<ChaosClient[]> {
  return [await createFetchEventSourcePeer(), await createEventSourcePeer()]
}
