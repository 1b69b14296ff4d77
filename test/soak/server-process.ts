/** Starts the soak's server process and talks to it. */
import { type ChildProcess, fork } from 'node:child_process'
import { on } from 'node:events'
import { join } from 'node:path'
import type { Plan } from './plan.ts'
import type { SoakServerState } from './server.ts'

export interface SoakServer {
  readonly url: string
  readonly startId: string
  state(): Promise<SoakServerState>
  [Symbol.dispose](): void
}

/** Reads a child process's messages one by one; `next()` rejects once the process has exited. */
export function readMessages<Message>(child: ChildProcess): { next(): Promise<Message> } {
  const exitController = new AbortController()
  child.once('exit', (code) => exitController.abort(new Error(`The process exited with code ${String(code)}`)))
  const messages = on(child, 'message', { signal: exitController.signal })
  return {
    async next() {
      const { value } = (await messages.next()) as IteratorYieldResult<[Message]>
      return value[0]
    },
  }
}

/** Starts the server; `folder` contains the built programs, `root` is the project's root. */
export async function startSoakServer(folder: string, root: string, plan: Plan): Promise<SoakServer> {
  const child = fork(join(folder, 'server.mjs'), [root, JSON.stringify(plan)], { execArgv: ['--enable-source-maps'] })
  const messages = readMessages<SoakServerState>(child)
  const { url, startId } = await messages.next()
  return {
    url,
    startId,
    state() {
      child.send('state')
      return messages.next()
    },
    [Symbol.dispose]: () => void child.kill(),
  }
}
