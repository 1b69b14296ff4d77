/** Starts an example as its user does, but with an application that the test controls. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { basename } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { onTestFinished } from 'vitest'
import { waitUntil } from '../mock-server/support/local-test-server.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import type { Command, Report } from './controlled-app.ts'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** Bundles an example with the sources of this package, and resolves with the path of the program. */
export async function buildExample(path: string): Promise<string> {
  // Next to the packages, so that the program finds them.
  const outfile = here(`../../node_modules/.cache/rivulet-examples/${path.replaceAll('/', '-')}.mjs`)
  await build({
    entryPoints: [here(`../../examples/${path}`)],
    outfile,
    tsconfig: here('../../examples/tsconfig.json'),
    bundle: true,
    packages: 'external',
    platform: 'node',
    target: 'node20',
    format: 'esm',
    logLevel: 'warning',
    plugins: [
      {
        name: 'controlled-app',
        setup({ onResolve }) {
          onResolve({ filter: /\/app\.ts$/ }, ({ importer }) =>
            basename(importer) === 'controlled-app.ts' ? undefined : { path: here('controlled-app.ts') },
          )
        },
      },
    ],
  })
  return outfile
}

export interface Example {
  /** Address of a proxy in front of the example. */
  readonly url: string
  /** Prompts of all generations, with the processes that generate. */
  readonly generations: readonly { readonly prompt: string; readonly pid: number }[]
  /** Prompts of generations whose signal aborted. */
  readonly aborted: readonly string[]
  send(command: Command): void
  /** Cuts all connections. */
  cut(): void
  /** Asks the process to end; resolves with its exit code. */
  stop(): Promise<number | null>
}

/** The program that runs an example, and its arguments before the path of the example. */
export interface Runtime {
  readonly command: string
  readonly args: readonly string[]
}

const node: Runtime = {
  command: process.execPath,
  args: ['--import', new URL('relay.mjs', import.meta.url).href],
}

/** Starts an example, which the test ends. */
export async function startExample(
  name: string,
  env: Readonly<Record<string, string>> = {},
  { command, args }: Runtime = node,
): Promise<Example> {
  const program = await buildExample(`${name}.ts`)
  const child = spawn(command, [...args, program], {
    env: { ...process.env, ...env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  })
  const lines: string[] = []
  createInterface(child.stdout!).on('line', (line) => lines.push(line))
  await waitUntil(() => lines.length > 0 || child.exitCode !== null)
  const port = Number(new URL(lines[0]!).port)
  const proxy = await startTcpProxy(port)
  onTestFinished(() => proxy.close())
  const generations: { prompt: string; pid: number }[] = []
  const aborted: string[] = []
  child.on('message', (report: Report) => {
    if (report.type === 'generate') generations.push(report)
    if (report.type === 'abort') aborted.push(report.prompt)
  })
  return {
    url: `http://127.0.0.1:${proxy.port}`,
    generations,
    aborted,
    send: (command) => void child.send(command),
    cut: () => proxy.pointTo(port),
    async stop() {
      child.kill('SIGTERM')
      const [code] = (await once(child, 'exit')) as [number | null]
      return code
    },
  }
}
