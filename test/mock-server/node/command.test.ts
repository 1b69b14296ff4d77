/** The command line: what it understands, what it prints, how it ends. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { build } from 'vite'
import { ruleKeys } from '../../../mock-server/scenario/rule.ts'
import { scenarioSchema } from '../../../mock-server/scenario/schema.ts'
import { help, parseArguments } from '../../../mock-server/cli/parse-arguments.ts'
import { type CommandResult, runCommand } from '../../../mock-server/cli/run-command.ts'
import { startMockServer } from '../../../mock-server/node/mock-server.ts'
import { textOf } from '../support/blocks.ts'
import { openRawClient } from '../support/raw-client.ts'
import { openStreamReader } from '../support/stream-reader.ts'

let folder: string
const file = async (name: string, content: string): Promise<string> => {
  await writeFile(join(folder, name), content)
  return join(folder, name)
}
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rivulet-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function run(...words: string[]): Promise<{ outcome: CommandResult; printed: string; complained: string }> {
  let printed = ''
  let complained = ''
  const outcome = await runCommand(words, {
    dist: folder,
    print: (text) => (printed += text),
    printError: (text) => (complained += text),
  })
  if ('server' in outcome) onTestFinished(() => outcome.server.close())
  return { outcome, printed, complained }
}

async function start(...words: string[]): Promise<{ url: string; printed: string; complained: string; port: number }> {
  const { outcome, ...said } = await run('mock', '--port', '0', ...words)
  if (!('server' in outcome)) throw new Error(said.complained)
  return { url: outcome.server.url, port: outcome.server.port, ...said }
}

describe('help', () => {
  test.each([['--help'], ['-h'], ['mock', '--help'], []])('%s', async (...words) => {
    const { outcome, printed } = await run(...words)
    expect(outcome).toEqual({ exitCode: 0 })
    expect(printed).toBe(help())
  })

  test('has every option, every path and every key', () => {
    for (const word of [
      '--port',
      '--cors',
      '--answers',
      '--seed',
      '--scenario',
      '--auth',
      '--demo',
      '--delay',
      '--tick',
      '--heartbeat',
      '--history',
      '/api/stream',
      '/api/broadcast',
      '/api/generate',
      '/v1/chat/completions',
      '/api/token',
      '/_mock',
      'startMockServer',
      ...Object.keys(ruleKeys),
    ]) {
      expect(help()).toContain(word)
    }
  })

  test('mock schema prints the schema', async () => {
    const { printed } = await run('mock', 'schema')
    expect(JSON.parse(printed)).toEqual(scenarioSchema)
  })
})

describe('options', () => {
  test('what is not given has its default', () => {
    expect(parseArguments(['mock'])).toEqual({
      command: 'mock',
      port: 'next-free',
      options: { port: 3_000, tick: 1_000 },
    })
  })

  test('all of them', async () => {
    const answers = await file('answers.json', '{"hi": "hello"}')
    const scenario = await file('scenario.json', '{"rules": [{"delay": 1}]}')
    const words = `mock --port 4000 --strict-port --host ::1 --cors https://a.test --cors https://b.test --answers ${answers} --seed 7
      --scenario ${scenario} --auth jwt --delay 5 --tokens --heartbeat 100 --history 50 --tick 0 --demo ${folder}`
    expect(parseArguments(words.split(/\s+/))).toEqual({
      command: 'mock',
      port: 'strict',
      demo: folder,
      options: {
        port: 4_000,
        host: '::1',
        cors: ['https://a.test', 'https://b.test'],
        answers: { hi: 'hello' },
        scenario: [{ delay: 1 }],
        seed: 7,
        auth: 'jwt',
        delay: 5,
        unit: 'token',
        heartbeat: 100,
        history: 50,
        tick: 0,
      },
    })
  })

  test.each([
    [['serve'], 'serve: expected the command mock'],
    [['mock', 'it'], 'it: expected nothing more, or schema'],
    [['mock', '--prot', '1'], "Unknown option '--prot'"],
    [['mock', '--port', 'abc'], '--port: expected a whole number from 0 to 65535, got "abc"'],
    [['mock', '--port', '70000'], '--port: expected a whole number from 0 to 65535'],
    [['mock', '--seed', '-1'], '--seed'],
    [['mock', '--auth', 'basic'], '--auth: expected jwt or apikey, got "basic"'],
    [['mock', '--answers', '/nowhere.json'], '--answers /nowhere.json: ENOENT'],
  ])('%j is explained, with exit code 2', async (words, message) => {
    const { outcome, complained, printed } = await run(...words)
    expect(outcome).toEqual({ exitCode: 2 })
    expect(complained).toContain(`rivulet: `)
    expect(complained).toContain(message)
    expect(complained).toContain('rivulet mock --help')
    expect(printed).toBe('')
  })

  test.each([
    ['--scenario', '{"reset-after": "5"}', 'scenario["reset-after"]: expected a whole number from 0, got "5"'],
    ['--scenario', '{', 'JSON'],
    ['--answers', '{"a": 1}', '"a" is not a text'],
  ])('a file of %s with %s', async (option, content, message) => {
    const path = await file('wrong.json', content)
    const { outcome, complained } = await run('mock', option, path)
    expect(outcome).toEqual({ exitCode: 2 })
    expect(complained).toContain(`${option} ${path}: `)
    expect(complained).toContain(message)
  })
})

describe('serving', () => {
  test('prints the URL and three lines of curl', async () => {
    const { url, printed } = await start()
    expect(printed).toContain(`is at ${url}\n`)
    const lines = printed.split('\n').filter((line) => line.startsWith('  curl '))
    expect(lines).toHaveLength(3)
    expect(lines.every((line) => line.includes(url))).toBe(true)
  })

  test.each([
    ['jwt', 'Authorization: Bearer $TOKEN'],
    ['apikey', 'X-API-Key: mock-key'],
  ])('with --auth %s the lines authenticate', async (kind, header) => {
    const { url, printed } = await start('--auth', kind)
    expect(printed.match(/  curl .*/g)!.every((line) => line.includes(header))).toBe(true)
    expect((await fetch(`${url}/api/stream`)).status).toBe(401)
  })

  test('answers and scenario are in force', async () => {
    const answers = await file('book.json', '{"hi": "hello"}')
    const scenario = await file('rules.json', '{"delay": 0, "bom": 1}')
    const { url } = await start('--answers', answers, '--scenario', scenario)
    const reader = await openStreamReader(`${url}/api/generate?prompt=hi`)
    expect(textOf((await reader.readToEnd()).events)).toBe('hello')
    expect(reader.text).toMatch(/^\ufeff/)
  })

  test('the demo at /, the built package at /dist/', async () => {
    const demo = join(folder, 'demo')
    await mkdir(demo)
    await writeFile(join(demo, 'index.html'), 'demo')
    await file('index.js', 'package')
    const { url } = await start('--demo', demo)
    expect(await (await fetch(`${url}/`)).text()).toBe('demo')
    expect(await (await fetch(`${url}/dist/index.js`)).text()).toBe('package')
    expect((await fetch(`${url}/other.html`)).status).toBe(404)
  })

  test('a port that is taken: the next free one, and it says so', async () => {
    const taken = await startMockServer()
    onTestFinished(() => taken.close())
    const { outcome, complained } = await run('mock', '--port', String(taken.port))
    if (!('server' in outcome)) throw new Error(complained)
    expect(outcome.server.port).toBeGreaterThan(taken.port)
    expect(complained).toBe(`Port ${taken.port} is taken, so it is ${outcome.server.port}.\n`)
  })

  test('with --strict-port it fails', async () => {
    const taken = await startMockServer()
    onTestFinished(() => taken.close())
    const { outcome, complained } = await run('mock', '--port', String(taken.port), '--strict-port')
    expect(outcome).toEqual({ exitCode: 2 })
    expect(complained).toContain(`--port ${taken.port}: it is taken`)
  })
})

describe('the process', () => {
  let cli: string
  /** Built as the package is, without Node's modules. */
  beforeAll(async () => {
    const outDir = join(folder, 'built')
    const output = { entryFileNames: 'cli.mjs' }
    await build({
      configFile: false,
      logLevel: 'error',
      ssr: { noExternal: true },
      build: { ssr: 'mock-server/cli.ts', outDir, target: 'node20', emptyOutDir: true, rollupOptions: { output } },
    })
    cli = join(outDir, 'cli.mjs')
  }, 60_000)

  async function launch(...words: string[]): Promise<{
    child: ChildProcessByStdio<null, Readable, null>
    url: string
    exited: Promise<number | string | null>
  }> {
    const child = spawn(process.execPath, [cli, 'mock', '--port', '0', ...words], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    const exited = new Promise<number | string | null>((resolve) =>
      child.once('exit', (code, signal) => resolve(signal ?? code)),
    )
    const url = await new Promise<string>((resolve) => {
      let printed = ''
      child.stdout.on('data', (text: Buffer) => {
        printed += String(text)
        const found = /is at (http\S+)/.exec(printed)
        if (found) resolve(found[1]!)
      })
    })
    return { child, url, exited }
  }

  test.each(['SIGTERM', 'SIGINT'] as const)('%s ends streams in good order, and the exit code is 0', async (signal) => {
    const { child, url, exited } = await launch()
    const client = openRawClient(`${url}/api/stream`)
    await client.waitForText('connected')
    child.kill(signal)
    expect(await client.ended).toBe('fin')
    expect(client.isComplete).toBe(true)
    expect(await exited).toBe(0)
  })

  test('a word that is wrong is exit code 2, and the process is gone', async () => {
    const child = spawn(process.execPath, [cli, 'mock', '--explode'], { stdio: 'ignore' })
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(2)
  })

  test('a port that is taken ends the process too', async () => {
    const { url } = await launch()
    const child = spawn(process.execPath, [cli, 'mock', '--strict-port', '--port', new URL(url).port], {
      stdio: 'ignore',
    })
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(2)
  })

  test('the file can be run as a command', async () => {
    expect(await readFile(cli, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
  })
})
