/** The runtimes in which the packed package is checked, and how each runs `projects/runtimes/smoke.js`. */
import { execFile, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { createContext, runInContext } from 'node:vm'
import { build } from 'esbuild'
import { installProject } from '../interop/install-project.ts'

export interface CheckResult {
  outcome: 'passed' | 'skipped' | 'failed'
  /** What the runtime lacks, or the error. */
  reason?: string
}
export type Results = Record<string, CheckResult>

export interface Runtime {
  name: string
  /** Whether `npm test` leaves it to `npm run test:long`, because its packages are large. */
  isLong?: boolean
  /** Why it cannot run on this machine. */
  unavailable?: string | undefined
  /** Runs the checks in `folder`, where the package is installed, with one server per check. */
  run(folder: string, urls: readonly string[]): Promise<Results>
}

const execute = promisify(execFile)

/** Runs a program that prints the results. */
async function runProgram(path: string, args: readonly string[], folder: string): Promise<Results> {
  const { stdout } = await execute(path, args, { cwd: folder, env: { ...process.env, DENO_NO_UPDATE_CHECK: '1' } })
  return JSON.parse(stdout) as Results
}

const runNode = (path: string, folder: string, urls: readonly string[]): Promise<Results> =>
  runProgram(path, ['runtimes/main.js', ...urls], folder)

/** Runs a test runner, whose only test writes the results to a file. */
async function runTestRunner(args: string[], folder: string, urls: readonly string[], env = {}): Promise<Results> {
  const file = join(folder, 'runtimes/results.json')
  const variables = { SMOKE_URLS: JSON.stringify(urls), SMOKE_RESULTS: file, ...env }
  // The variables of this Vitest would change the inner one.
  const outer = Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST') && name !== 'NODE_ENV')
  await execute(process.execPath, args, { cwd: folder, env: { ...Object.fromEntries(outer), ...variables } })
  return JSON.parse(readFileSync(file, 'utf8')) as Results
}

/** Resolves with a program of `folder/runtimes` and everything that it imports, in one file. */
async function bundle(folder: string, file: string, format: 'esm' | 'iife'): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(folder, 'runtimes', file)],
    bundle: true,
    write: false,
    target: 'es2022',
    format,
    globalName: 'smoke',
    logLevel: 'warning',
  })
  return outputFiles[0]!.text
}

/** Runs the checks in workerd, with the behavior that it had at a date; by default at that of its version. */
async function runWorkerd(folder: string, urls: readonly string[], date?: string): Promise<Results> {
  const load = createRequire(join(installProject('workerd'), 'package.json'))
  const { default: binary, compatibilityDate } = load('workerd') as { default: string; compatibilityDate: string }
  const compatibility = date ?? compatibilityDate
  writeFileSync(join(folder, 'runtimes/bundle.js'), await bundle(folder, 'worker.js', 'esm'))
  writeFileSync(
    join(folder, 'runtimes/config.capnp'),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "internet", network = (allow = ["private"])),
    (name = "main", worker = (
      modules = [(name = "worker", esModule = embed "bundle.js")],
      compatibilityDate = "${compatibility}",
    )),
  ],
  sockets = [(name = "main", address = "127.0.0.1:0", http = (), service = "main")],
);
`,
  )
  const workerd = spawn(binary, ['serve', '--control-fd=3', join(folder, 'runtimes/config.capnp')], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
  })
  try {
    for await (const line of createInterface(workerd.stdio[3] as Readable)) {
      const { port } = JSON.parse(line) as { port: number }
      const response = await fetch(`http://127.0.0.1:${port}`, { method: 'POST', body: JSON.stringify(urls) })
      return (await response.json()) as Results
    }
    throw new Error('workerd has exited before it listened')
  } finally {
    workerd.kill('SIGKILL')
  }
}

/**
 * Runs the checks with the globals of React Native, which has its `fetch` and `AbortController` from the same packages. Each
 * check gets a context of its own, because the origin of its requests is that of its server.
 */
async function runReactNative(folder: string, urls: readonly string[]): Promise<Results> {
  const load = createRequire(join(installProject('react-native'), 'package.json'))
  const { JSDOM } = load('jsdom') as { JSDOM: new (html: string, options: object) => { window: XhrWindow } }
  const polyfill = readFileSync(load.resolve('whatwg-fetch/dist/fetch.umd.js'), 'utf8')
  const code = `${polyfill}\n${await bundle(folder, 'smoke.js', 'iife')}\n`
  const { AbortController, AbortSignal } = load('abort-controller') as typeof globalThis
  const timers = { setTimeout, clearTimeout, setInterval, clearInterval, queueMicrotask, performance }
  const events = { Event, EventTarget, AbortController, AbortSignal }
  const platform = { console, ...timers, ...events, URL, URLSearchParams, TextEncoder }
  const results: Results = {}
  for (const [index, url] of urls.entries()) {
    const { window } = new JSDOM('', { url })
    const { XMLHttpRequest, Blob, FileReader } = window
    const context = createContext({ ...platform, XMLHttpRequest, Blob, FileReader })
    const call = `smoke.runNumbered(${index}, ${JSON.stringify(url)}).then(JSON.stringify)`
    const [name, result] = JSON.parse(await (runInContext(code + call, context) as Promise<string>)) as [
      string,
      CheckResult,
    ]
    results[name] = result
    window.close()
  }
  return results
}

const isLinux = process.platform === 'linux' && process.arch === 'x64'

const nodeVersion = (major: number): Runtime => ({
  name: `Node ${major}`,
  isLong: true,
  unavailable: isLinux ? undefined : 'the packages of Node are for Linux on x64',
  run: (folder, urls) =>
    runNode(join(installProject('node-versions'), `node_modules/node-${major}/bin/node`), folder, urls),
})

interface XhrWindow {
  XMLHttpRequest: unknown
  Blob: unknown
  FileReader: unknown
  close(): void
}

/** All runtimes. */
export const runtimes: readonly Runtime[] = [
  {
    name: `this Node, ${process.version.slice(1)}`,
    run: (folder, urls) => runNode(process.execPath, folder, urls),
  },
  nodeVersion(20),
  nodeVersion(22),
  nodeVersion(24),
  nodeVersion(26),
  {
    name: 'Deno',
    run(folder, urls) {
      const load = createRequire(join(installProject('deno'), 'package.json'))
      const args = ['run', '--allow-all', '--no-lock', '--node-modules-dir=manual', 'runtimes/main.js', ...urls]
      return runProgram(process.execPath, [load.resolve('deno/bin.cjs'), ...args], folder)
    },
  },
  {
    name: 'Bun',
    run(folder, urls) {
      const bun = join(installProject('bun'), `node_modules/@oven/bun-${process.platform}-${process.arch}/bin/bun`)
      return runProgram(bun, ['runtimes/main.js', ...urls], folder)
    },
  },
  { name: 'workerd as of 2024-09-01', run: (folder, urls) => runWorkerd(folder, urls, '2024-09-01') },
  { name: 'workerd as of its version', run: (folder, urls) => runWorkerd(folder, urls) },
  {
    name: 'Edge Runtime',
    async run(folder, urls) {
      const load = createRequire(join(installProject('edge-runtime'), 'package.json'))
      const { EdgeRuntime } = load('edge-runtime') as {
        EdgeRuntime: new () => { evaluate(code: string): Promise<string> }
      }
      const runtime = new EdgeRuntime()
      // Strict code declares its variables locally.
      const code = `${await bundle(folder, 'smoke.js', 'iife')}\nglobalThis.smoke = smoke`
      void runtime.evaluate(code)
      return JSON.parse(
        await runtime.evaluate(`smoke.runChecks(${JSON.stringify(urls)}).then(JSON.stringify)`),
      ) as Results
    },
  },
  { name: 'React Native', run: runReactNative },
  {
    name: 'Jest with jsdom',
    isLong: true,
    run(folder, urls) {
      const load = createRequire(join(installProject('jest-jsdom'), 'package.json'))
      const args = ['--experimental-vm-modules', load.resolve('jest/bin/jest'), '--rootDir', join(folder, 'runtimes')]
      const environment = join(folder, 'runtimes/jest-environment.cjs')
      return runTestRunner([...args, '--env', environment, '--transform', '{}'], folder, urls, {
        SMOKE_JSDOM: load.resolve('jest-environment-jsdom'),
      })
    },
  },
  {
    name: 'Vitest with jsdom',
    isLong: true,
    run(folder, urls) {
      const project = installProject('vitest-jsdom')
      const program = join(project, 'node_modules/vitest/vitest.mjs')
      const args = ['run', '--globals', '--environment', 'jsdom', '--root', join(folder, 'runtimes')]
      return runTestRunner([program, ...args], folder, urls)
    },
  },
]
