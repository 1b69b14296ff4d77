/** The soak's server, as those see it who started it. */
import { type ChildProcess, fork } from 'node:child_process'
import { on } from 'node:events'
import { join } from 'node:path'
import type { Plan } from './plan.ts'
import type { ServerState } from './server.ts'

export interface Serving {
  readonly url: string
  state(): Promise<ServerState>
  [Symbol.dispose](): void
}

/** What a child process says, message by message; `next()` rejects where it says nothing any more. */
export function hear<Message>(child: ChildProcess): { next(): Promise<Message> } {
  const left = new AbortController()
  child.once('exit', (code) => left.abort(new Error(`The process ended with ${String(code)}`)))
  const messages = on(child, 'message', { signal: left.signal })
  return {
    async next() {
      const { value } = (await messages.next()) as IteratorYieldResult<[Message]>
      return value[0]
    },
  }
}

/** Starts it; `folder` has the programs, `root` is the project. */
export async function startServing(folder: string, root: string, plan: Plan): Promise<Serving> {
  const child = fork(join(folder, 'server.mjs'), [root, JSON.stringify(plan)], { execArgv: ['--enable-source-maps'] })
  const messages = hear<ServerState>(child)
  const { url } = await messages.next()
  return {
    url,
    state() {
      child.send('state')
      return messages.next()
    },
    [Symbol.dispose]: () => void child.kill(),
  }
}
