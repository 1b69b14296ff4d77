/** Runs the soak in Node: the server and the client each have their own process. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Report } from './node-client.ts'
import type { HeapSample, SoakResult, Plan } from './plan.ts'
import { readMessages, startSoakServer } from './server-process.ts'

/** Runs the soak; `folder` contains the built programs, `root` is the project's root. */
export async function soakNode(
  folder: string,
  root: string,
  plan: Plan,
  onSample?: (sample: HeapSample) => void,
): Promise<SoakResult> {
  const startedAt = performance.now()
  using server = await startSoakServer(folder, root, plan)
  const child = fork(join(folder, 'node-client.mjs'), [server.url, server.startId, JSON.stringify(plan)], {
    execArgv: ['--expose-gc', '--enable-source-maps'],
  })
  try {
    const exit = once(child, 'exit')
    const messages = readMessages<Report>(child)
    const samples: HeapSample[] = []
    for (;;) {
      const report = await messages.next()
      if ('sample' in report) {
        samples.push(report.sample)
        onSample?.(report.sample)
        continue
      }
      const { requests, clients } = await server.state()
      const [code] = (await exit) as [number | null]
      return {
        runtime: `Node ${process.versions.node}`,
        samples,
        counts: report.counts,
        leftovers: { ...report.leftovers, 'server clients': clients, 'exit code': code ?? -1 },
        requests,
        seconds: (performance.now() - startedAt) / 1000,
      }
    }
  } finally {
    child.kill()
  }
}
