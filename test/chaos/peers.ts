/** Other clients, used as their documentation has it; dependencies of the bench alone. */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { Window } from 'happy-dom'
import { type ChaosClient, type Ending, type Task, prompt } from './client.ts'

const bench = `${process.cwd()}/bench/`

const load = <Module>(name: string): Promise<Module> =>
  import(/* @vite-ignore */ pathToFileURL(createRequire(`${bench}package.json`).resolve(name)).href) as Promise<Module>

const versionOf = (name: string): string =>
  (JSON.parse(readFileSync(`${bench}node_modules/${name}/package.json`, 'utf8')) as { version: string }).version

/** Milliseconds: longer than a peer waits before it tries again. */
const PATIENCE = 6_000

interface Message {
  id: string
  event: string
  data: string
}

interface FetchEventSource {
  fetchEventSource(url: string, options: Record<string, unknown>): Promise<void>
}

interface Peers {
  EventSource: new (
    url: string,
    init: { fetch: (url: string, init: RequestInit) => Promise<Response> },
  ) => {
    readonly readyState: number
    close(): void
    addEventListener(type: string, listener: (event: { data: string; message?: string; code?: number }) => void): void
  }
}

const takeItem = (task: Task, type: string, data: string): void => {
  if (type === 'delta') {
    const { content, index } = JSON.parse(data) as { content: string; index: number }
    task.deliver({ position: index, content })
  } else if (type === 'item') task.deliver({ position: (JSON.parse(data) as { n: number }).n })
  else if (type === 'reset') task.tellGap()
  else if (type === 'tail') task.tellTail()
}

/** It retries as it does by itself, only sooner. A feed's end is no end: its users throw in `onclose` to have it asked again. */
async function fetchEventSourcePeer(): Promise<ChaosClient> {
  const window = new Window()
  Object.assign(globalThis, { window, document: window.document })
  const { fetchEventSource } = await load<FetchEventSource>('@microsoft/fetch-event-source')
  return {
    name: `@microsoft/fetch-event-source ${versionOf('@microsoft/fetch-event-source')}`,
    patience: PATIENCE,
    async read(task): Promise<Ending> {
      const isRun = task.schedule.kind === 'run'
      const asked = isRun
        ? { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ prompt }) }
        : { headers: { 'last-event-id': task.lastEventId } }
      let failure: unknown
      await fetchEventSource(`${task.url}${isRun ? '/api/generate' : '/api/stream'}`, {
        ...asked,
        fetch: task.fetch,
        openWhenHidden: true,
        signal: task.signal,
        onmessage({ event, data }: Message) {
          if (isRun && event === 'error') failure = new Error(data)
          takeItem(task, event, data)
        },
        onclose() {
          if (!isRun) throw new Error('closed')
        },
        onerror: () => 5,
      })
      if (task.signal.aborted) return { end: 'left' }
      return failure ? { end: 'error', error: failure } : { end: 'whole' }
    },
  }
}

/** It can only GET; the server's `retry:` makes it as quick as the others. */
async function eventSourcePeer(): Promise<ChaosClient> {
  const { EventSource } = await load<Peers>('eventsource')
  return {
    name: `eventsource ${versionOf('eventsource')}`,
    rules: [{ retry: 5 }],
    patience: PATIENCE,
    read: (task) =>
      new Promise((resolve) => {
        const isRun = task.schedule.kind === 'run'
        const url = isRun ? `${task.url}/api/generate?prompt=${prompt}` : `${task.url}/api/stream`
        const source = new EventSource(url, {
          fetch(to, init) {
            const headers = new Headers(init.headers)
            // It has no option for where a feed goes on from.
            if (!isRun && !headers.has('last-event-id')) headers.set('last-event-id', task.lastEventId)
            return task.fetch(to, { ...init, headers })
          },
        })
        const leave = (ending: Ending): void => {
          source.close()
          resolve(ending)
        }
        task.signal.addEventListener('abort', () => leave({ end: 'left' }))
        for (const type of ['delta', 'item', 'reset', 'tail']) {
          source.addEventListener(type, ({ data }) => {
            try {
              takeItem(task, type, data)
            } catch (error) {
              leave({ end: 'error', error }) // what is not JSON
            }
          })
        }
        source.addEventListener('end', () => leave({ end: 'whole' }))
        source.addEventListener('error', (event) => {
          // The server's own, of a run, or that it has given up.
          if (event.data !== undefined) leave({ end: 'error', error: new Error(event.data) })
          else if (source.readyState === 2)
            leave({ end: 'error', error: new Error(`closed: ${event.code ?? event.message}`) })
        })
      }),
  }
}

/** Whether the bench has its dependencies. */
const hasPeers = existsSync(`${bench}node_modules/eventsource`)

export async function loadPeers(): Promise<ChaosClient[]> {
  return [await fetchEventSourcePeer(), await eventSourcePeer()]
}
