/** The command line: arguments, output and exit codes. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { build } from 'vite'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { formatHelp, parseArguments } from '../../../mock-server/cli/parse-arguments.ts'
import { type CommandResult, runCommand } from '../../../mock-server/cli/run-command.ts'
import { dialectPaths } from '../../../mock-server/dialect/names.ts'
import { startMockServer } from '../../../mock-server/node/mock-server.ts'
import { ruleKeys } from '../../../mock-server/scenario/rule.ts'
import { scenarioSchema } from '../../../mock-server/scenario/schema.ts'
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

async function run(...args: string[]): Promise<{ result: CommandResult; output: string; errorOutput: string }> {
  let output = ''
  let errorOutput = ''
  const result = await runCommand(args, {
    dist: folder,
    print: (text) => (output += text),
    printError: (text) => (errorOutput += text),
  })
  if ('server' in result) onTestFinished(() => result.server.close())
  if ('recorder' in result) onTestFinished(() => result.recorder.close())
  return { result, output, errorOutput }
}

async function start(...args: string[]): Promise<{ url: string; output: string; errorOutput: string; port: number }> {
  const { result, ...printed } = await run('mock', '--port', '0', ...args)
  if (!('server' in result)) throw new Error(printed.errorOutput)
  return { url: result.server.url, port: result.server.port, ...printed }
}

describe('help', () => {
  test.each(['rivulet --help', 'rivulet -h', 'rivulet mock --help', 'rivulet'])(
    '`%s` prints the help',
    async (line) => {
      const { result, output } = await run(...line.split(' ').slice(1))
      expect(result).toEqual({ exitCode: 0 })
      expect(output).toBe(formatHelp())
    },
  )

  test('the help lists every option, endpoint and fault key', () => {
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
      '--replay',
      '--record',
      '--out',
      '/api/stream',
      '/api/broadcast',
      '/api/generate',
      ...Object.values(dialectPaths),
      '/api/token',
      '/_mock',
      'startMockServer',
      ...Object.keys(ruleKeys),
    ]) {
      expect(formatHelp()).toContain(word)
    }
  })

  test('`rivulet mock schema` prints the JSON Schema of a scenario', async () => {
    const { output } = await run('mock', 'schema')
    expect(JSON.parse(output)).toEqual(scenarioSchema)
  })
})

describe('options', () => {
  test('omitted options get their default values', () => {
    expect(parseArguments(['mock'])).toEqual({
      command: 'mock',
      portPolicy: 'next-free',
      replays: [],
      options: { port: 3_000, tick: 1_000 },
    })
  })

  test('all options are parsed', async () => {
    const answers = await file('answers.json', '{"hi": "hello"}')
    const scenario = await file('scenario.json', '{"rules": [{"delay": 1}]}')
    const line = `mock --port 4000 --strict-port --host ::1 --cors https://a.test --cors https://b.test --answers ${answers} --seed 7
      --scenario ${scenario} --auth jwt --delay 5 --tokens --heartbeat 100 --history 50 --tick 0 --demo ${folder}`
    expect(parseArguments(line.split(/\s+/))).toEqual({
      command: 'mock',
      portPolicy: 'strict',
      demo: folder,
      replays: [],
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
    [['serve'], 'unknown command "serve", expected mock'],
    [['mock', 'it'], 'unexpected argument "it"'],
    [['mock', '--prot', '1'], "Unknown option '--prot'"],
    [['mock', '--port', 'abc'], '--port: expected an integer from 0 to 65535, got "abc"'],
    [['mock', '--port', '70000'], '--port: expected an integer from 0 to 65535'],
    [['mock', '--seed', '-1'], '--seed'],
    [['mock', '--auth', 'basic'], '--auth: expected jwt or apikey, got "basic"'],
    [['mock', '--answers', '/nowhere.json'], '--answers /nowhere.json: ENOENT'],
    [['mock', '--replay', '/nowhere.txt'], '--replay /nowhere.txt: ENOENT'],
    [['mock', '--record', 'api.test'], '--record: expected an http: or https: URL, got "api.test"'],
    [['mock', '--record', 'https://api.test', '--replay', 'x'], '--record: expected no --replay'],
    [['mock', '--out', 'x'], '--out: expected --record, too'],
  ])('%j is reported as a usage error with exit code 2', async (args, message) => {
    const { result, errorOutput, output } = await run(...args)
    expect(result).toEqual({ exitCode: 2 })
    expect(errorOutput).toContain(`rivulet: `)
    expect(errorOutput).toContain(message)
    expect(errorOutput).toContain('rivulet mock --help')
    expect(output).toBe('')
  })

  test.each([
    ['--scenario', '{"reset-after": "5"}', 'scenario["reset-after"]: expected an integer of at least 0, got "5"'],
    ['--scenario', '{', 'JSON'],
    ['--answers', '{"a": 1}', '"a" is not a string'],
    ['--replay', '{}', 'expected { "recording": 1'],
    ['--replay', 'hello', 'expected an event stream'],
  ])('%s with a file that contains %s is a usage error', async (option, content, message) => {
    const path = await file('wrong.json', content)
    const { result, errorOutput } = await run('mock', option, path)
    expect(result).toEqual({ exitCode: 2 })
    expect(errorOutput).toContain(`${option} ${path}: `)
    expect(errorOutput).toContain(message)
  })
})

describe('serving', () => {
  test('the server prints its URL and three curl commands', async () => {
    const { url, output } = await start()
    expect(output).toContain(`listening on ${url}\n`)
    const lines = output.split('\n').filter((line) => line.startsWith('  curl '))
    expect(lines).toHaveLength(3)
    expect(lines.every((line) => line.includes(url))).toBe(true)
  })

  test.each([
    ['jwt', 'Authorization: Bearer $TOKEN'],
    ['apikey', 'X-API-Key: mock-key'],
  ])('with --auth %s, the printed curl commands contain credentials', async (kind, header) => {
    const { url, output } = await start('--auth', kind)
    expect(output.match(/  curl .*/g)!.every((line) => line.includes(header))).toBe(true)
    expect((await fetch(`${url}/api/stream`)).status).toBe(401)
  })

  test('--answers and --scenario take effect', async () => {
    const answers = await file('canned.json', '{"hi": "hello"}')
    const scenario = await file('rules.json', '{"delay": 0, "bom": 1}')
    const { url } = await start('--answers', answers, '--scenario', scenario)
    const reader = await openStreamReader(`${url}/api/generate?prompt=hi`)
    expect(textOf((await reader.readToEnd()).events)).toBe('hello')
    expect(reader.text).toMatch(/^\ufeff/)
  })

  test('--demo serves a folder at / and the built package at /dist/', async () => {
    const demo = join(folder, 'demo')
    await mkdir(demo)
    await writeFile(join(demo, 'index.html'), 'demo')
    await file('index.js', 'package')
    const { url } = await start('--demo', demo)
    expect(await (await fetch(`${url}/`)).text()).toBe('demo')
    expect(await (await fetch(`${url}/dist/index.js`)).text()).toBe('package')
    expect((await fetch(`${url}/other.html`)).status).toBe(404)
  })

  test('--replay serves event streams and recordings, and all faults apply', async () => {
    const stream = await file('answer.txt', 'data: one\n\ndata: two\n\n')
    const headers = { 'content-type': 'text/event-stream' }
    const response = { method: 'POST', path: '/v1/messages', status: 200, headers, body: 'data: three\n\n' }
    const recorded = await file('recorded.json', JSON.stringify({ recording: 1, responses: [response] }))
    const { url } = await start(
      '--delay',
      '0',
      '--replay',
      stream,
      '--replay',
      `/other=${stream}`,
      '--replay',
      recorded,
    )
    const read = async (path: string, init?: RequestInit): Promise<(string | undefined)[]> => {
      const reader = await openStreamReader(url + path, init)
      return (await reader.readToEnd()).events.map(({ data }) => data)
    }
    expect(await read('/api/replay')).toEqual(['one', 'two'])
    expect(await read('/other?fault=end-after:1')).toEqual(['one'])
    expect(await read('/v1/messages', { method: 'POST' })).toEqual(['three'])
  })

  test('--record writes what a real server sends, without credentials, and --replay serves it', async () => {
    const target = await startMockServer({ delay: 0, unit: 'token', answers: ['Hello, world.'] })
    onTestFinished(() => target.close())
    const out = join(folder, 'recording.json')
    const { result, output } = await run('mock', '--port', '0', '--record', target.url, '--out', out)
    if (!('recorder' in result)) throw new Error(output)
    expect(output).toContain(`listening on ${result.recorder.url}\n`)
    const init = {
      method: 'POST',
      headers: { authorization: 'Bearer secret-token-1' },
      body: JSON.stringify({ messages: [{ role: 'user', content: 'private words' }], stream: true }),
    }
    const answer = await (await fetch(`${result.recorder.url}/v1/chat/completions?key=secret-key-1`, init)).text()
    expect(answer).toContain('[DONE]')
    const text = await readFile(out, 'utf8')
    for (const secret of ['secret-token-1', 'secret-key-1', 'private words']) expect(text).not.toContain(secret)
    const { url } = await start('--delay', '0', '--replay', out)
    // Both mocks begin with the comment `open`.
    expect(await (await fetch(`${url}/v1/chat/completions`, init)).text()).toBe(`: open\n\n${answer}`)
  })

  test('if the port is in use, the next free port is used and reported', async () => {
    const blocker = await startMockServer()
    onTestFinished(() => blocker.close())
    const { result, errorOutput } = await run('mock', '--port', String(blocker.port))
    if (!('server' in result)) throw new Error(errorOutput)
    expect(result.server.port).toBeGreaterThan(blocker.port)
    expect(errorOutput).toBe(`Port ${blocker.port} is in use, using ${result.server.port} instead.\n`)
  })

  test('--strict-port fails if the port is in use', async () => {
    const blocker = await startMockServer()
    onTestFinished(() => blocker.close())
    const { result, errorOutput } = await run('mock', '--port', String(blocker.port), '--strict-port')
    expect(result).toEqual({ exitCode: 2 })
    expect(errorOutput).toContain(`--port ${blocker.port}: port is in use`)
  })
})

describe('the process', () => {
  let cli: string
  /** Bundles the command with everything but Node's built-in modules, as the package build does. */
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

  async function launch(...args: string[]): Promise<{
    child: ChildProcessByStdio<null, Readable, null>
    url: string
    exited: Promise<number | string | null>
  }> {
    const child = spawn(process.execPath, [cli, 'mock', '--port', '0', ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    const exited = new Promise<number | string | null>((resolve) =>
      child.once('exit', (code, signal) => resolve(signal ?? code)),
    )
    const url = await new Promise<string>((resolve) => {
      let output = ''
      child.stdout.on('data', (text: Buffer) => {
        output += String(text)
        const match = /listening on (http\S+)/.exec(output)
        if (match) resolve(match[1]!)
      })
    })
    return { child, url, exited }
  }

  test.each(['SIGTERM', 'SIGINT'] as const)('%s ends streams cleanly, and the exit code is 0', async (signal) => {
    const { child, url, exited } = await launch()
    const client = openRawClient(`${url}/api/stream`)
    await client.waitForText('connected')
    child.kill(signal)
    expect(await client.ended).toBe('fin')
    expect(client.isComplete).toBe(true)
    expect(await exited).toBe(0)
  })

  test('a usage error ends the process with exit code 2', async () => {
    const child = spawn(process.execPath, [cli, 'mock', '--explode'], { stdio: 'ignore' })
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(2)
  })

  test('with --strict-port, a port in use ends the process with exit code 2', async () => {
    const { url } = await launch()
    const child = spawn(process.execPath, [cli, 'mock', '--strict-port', '--port', new URL(url).port], {
      stdio: 'ignore',
    })
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(2)
  })

  test('the built file starts with a shebang', async () => {
    expect(await readFile(cli, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
  })
})
