/** The soak in Node: a server and a client, each in its own process. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Report } from './node-client.ts'
import type { Look, Outcome, Plan } from './plan.ts'
import { hear, startServing } from './server-process.ts'

/** `folder` has the programs, `root` is the project; `onLook` hears of each look. */
export async function soakNode(
  folder: string,
  root: string,
  plan: Plan,
  onLook?: (look: Look) => void,
): Promise<Outcome> {
  const from = performance.now()
  using serving = await startServing(folder, root, plan)
  const child = fork(join(folder, 'node-client.mjs'), [serving.url, JSON.stringify(plan)], {
    execArgv: ['--expose-gc', '--enable-source-maps'],
  })
  try {
    const exit = once(child, 'exit')
    const messages = hear<Report>(child)
    const looks: Look[] = []
    for (;;) {
      const report = await messages.next()
      if ('look' in report) {
        looks.push(report.look)
        onLook?.(report.look)
        continue
      }
      const { requests, clients } = await serving.state()
      const [code] = (await exit) as [number | null]
      return {
        runtime: `Node ${process.versions.node}`,
        looks,
        counts: report.counts,
        leftovers: { ...report.leftovers, 'clients of the server': clients, 'exit code': code ?? -1 },
        requests,
        seconds: (performance.now() - from) / 1000,
      }
    }
  } finally {
    child.kill()
  }
}
