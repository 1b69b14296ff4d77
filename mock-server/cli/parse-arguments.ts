/** Parses the arguments of the `rivulet` command. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { MOCK_API_KEY } from '../auth/authenticator.ts'
import type { MockServerOptions } from '../node/mock-server.ts'
import { parseCannedAnswers } from '../run/answers.ts'
import type { RecordingOptions } from './recording-server.ts'
import type { Replay } from './replays.ts'
import { readReplays } from './replays.ts'
import type { RuleKey } from '../scenario/rule.ts'
import { ruleKeys } from '../scenario/rule.ts'
import { describeAccepted, parseScenario } from '../scenario/scenario.ts'

/** A parsed command. */
export type Command =
  | { readonly command: 'help' }
  | { readonly command: 'schema' }
  | {
      readonly command: 'mock'
      readonly options: MockServerOptions
      /** Folder to serve at `/`. */
      readonly demo?: string
      /** Recordings to serve. */
      readonly replays: readonly Replay[]
      readonly portPolicy: PortPolicy
    }
  | {
      readonly command: 'record'
      readonly options: Omit<RecordingOptions, 'printError'>
      readonly portPolicy: PortPolicy
    }

/** What to do if the port is in use. */
export type PortPolicy = 'next-free' | 'strict'

/** A mistake in the arguments; the message names the argument and the expected value. */
export class UsageError extends Error {}

const flags = {
  port: { type: 'string' },
  'strict-port': { type: 'boolean' },
  host: { type: 'string' },
  cors: { type: 'string', multiple: true },
  answers: { type: 'string' },
  seed: { type: 'string' },
  scenario: { type: 'string' },
  auth: { type: 'string' },
  delay: { type: 'string' },
  tokens: { type: 'boolean' },
  heartbeat: { type: 'string' },
  history: { type: 'string' },
  tick: { type: 'string' },
  demo: { type: 'string' },
  replay: { type: 'string', multiple: true },
  record: { type: 'string' },
  out: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

const formatRuleKeys = (): string =>
  Array.from(new Set(Object.values<RuleKey>(ruleKeys).map(({ group }) => group)))
    .map((group) => {
      const lines = Object.entries<RuleKey>(ruleKeys)
        .filter(([, key]) => key.group === group)
        .map(([name, key]) => `    ${name.padEnd(16)} ${key.description}\n${' '.repeat(21)}[${describeAccepted(key)}]`)
      return `  ${group}:\n${lines.join('\n')}`
    })
    .join('\n\n')

/** Returns the text of `--help`. */
export const formatHelp = (): string => `rivulet mock - a mock server for feeds and runs, with network faults on demand

Usage:
  rivulet mock [options]     start the mock server
  rivulet mock schema        print the JSON Schema of a scenario

Options:
  --port <port>       port to listen on; if it is in use, the next free port (default: 3000)
  --strict-port       fail if the port is in use
  --host <host>       address to listen on (default: 127.0.0.1)
  --cors <origin>     let pages of this origin read responses; * for any origin; repeatable
  --answers <file>    JSON file with answers: an object of prompt → answer (* for any other prompt), or an array
  --seed <n>          seed for the generated answers and prices (default: 0)
  --scenario <file>   JSON file with the faults to inject; see Scenarios
  --auth <kind>       require jwt (tokens from POST /api/token) or apikey (X-API-Key: ${MOCK_API_KEY})
  --delay <ms>        delay between deltas (default: 20)
  --tokens            send a token per delta instead of a character
  --heartbeat <ms>    silence before a heartbeat comment, 0 to disable (default: 30000)
  --history <n>       number of events that the feed keeps for resuming clients (default: 1000)
  --tick <ms>         interval between sample price events in the feed, 0 to disable (default: 1000)
  --replay <file>     serve a recording, event by event: a file of --record at its paths, or an event stream at
                      /api/replay; <path>=<file> for another path; repeatable
  --record <url>      pass requests on to this server, and record its responses without keys and other headers
  --out <file>        file in which --record writes (default: recording.json)
  --demo <dir>        serve this folder at /, and the built package at /dist/
  -h, --help          print this help

Endpoints:
  GET    /api/stream            read the feed: connected, price and broadcast events; ?types=a,b filters by type
  POST   /api/broadcast         send an event to the feed: {"type": "note", "data": 1}
  GET    /api/generate?prompt=  start a run: start, delta …, end or error
  POST   /api/generate          start a run: {"prompt": "…"}
  GET    /api/generate/ID       resume a run after the Last-Event-ID; DELETE cancels it
  GET    /api/channel           open a channel: many streams over one connection
  POST   /api/channel/ops       open and close channel streams
  POST   /v1/chat/completions   get an answer in the format of OpenAI's chat completions
  POST   /v1/responses          the same for OpenAI's Responses API; GET and DELETE /v1/responses/ID, POST …/cancel
  POST   /v1/messages           the same for Anthropic's API
  POST   /v1beta/models/MODEL:streamGenerateContent?alt=sse
                                the same for Gemini's API
  POST   /ai-sdk/chat           the same for the UI message stream of the AI SDK; GET /ai-sdk/chat/CHAT/stream
  POST   /ag-ui/agent           the same for AG-UI
  GET    /v1/models             list the only model, rivulet-mock
  POST   /api/token             issue a token, with --auth jwt: {"subject", "expiresIn", "permissions"}, all optional
  GET    /_mock                 show clients, runs and rules
  POST   /_mock                 replace the rules with a scenario ([] for none), or perform an action:
                                {"action": "drop"}, {"action": "restart", "downtime": 2000, "log": "lose"}

Scenarios:
  A rule is a fault and the requests it applies to: {"reset-after": 5, "times": 2}. A scenario is a rule, an array of
  rules, or {"rules": […]}. The text form is reset-after:5,times:2 with ; between rules; percent-encode , and ; in values.

  For one URL:          ?fault=reset-after:5,once
  For a running server: curl -d reset-after:5 http://localhost:3000/_mock

${formatRuleKeys()}

Use in a program:
  import { startMockServer } from 'rivulet/mock-server'
  const server = await startMockServer({ port: 0, scenario: 'reset-after:5,once' })
  server.url, .clients, .connections, .runs
  server.broadcast({ type, data }), .setScenario(…), .kill(), .restart({ log: 'lose' }), .close()
`

function parseNumber(name: string, value: string | undefined, max = Number.MAX_SAFE_INTEGER): number | undefined {
  if (value === undefined) return undefined
  if (/^\d+$/.test(value) && Number(value) <= max) return Number(value)
  throw new UsageError(`--${name}: expected an integer from 0 to ${max}, got ${JSON.stringify(value)}`)
}

function readJsonFile<Value>(
  name: string,
  file: string | undefined,
  parse: (value: unknown) => Value,
): Value | undefined {
  if (file === undefined) return undefined
  try {
    return parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch (error) {
    throw new UsageError(`--${name} ${file}: ${(error as Error).message}`, { cause: error })
  }
}

function parseTarget(url: string): URL {
  const target = URL.canParse(url) ? new URL(url) : undefined
  if (target?.protocol === 'http:' || target?.protocol === 'https:') return target
  throw new UsageError(`--record: expected an http: or https: URL, got ${JSON.stringify(url)}`)
}

function parseReplays(files: readonly string[]): Replay[] {
  return files.flatMap((file) => {
    try {
      return readReplays(file)
    } catch (error) {
      throw new UsageError(`--replay ${file}: ${(error as Error).message}`, { cause: error })
    }
  })
}

function parseFlags(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: flags, allowPositionals: true, strict: true })
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error })
  }
}

const omitUndefined = <Value>(fields: { [Name in keyof Value]: Value[Name] | undefined }): Value =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Value

/**
 * Parses the arguments of the command.
 * @throws `UsageError` if any argument is not valid
 */
export function parseArguments(args: readonly string[]): Command {
  const { values, positionals } = parseFlags(args)
  const [command, subcommand, ...extraArgs] = positionals
  if (values.help || command === undefined) return { command: 'help' }
  if (command !== 'mock') throw new UsageError(`unknown command ${JSON.stringify(command)}, expected mock`)
  if (subcommand === 'schema' && extraArgs.length === 0) return { command: 'schema' }
  if (subcommand !== undefined) throw new UsageError(`unexpected argument ${JSON.stringify(subcommand)}`)
  const { auth, host, demo, cors } = values
  if (auth !== undefined && auth !== 'jwt' && auth !== 'apikey') {
    throw new UsageError(`--auth: expected jwt or apikey, got ${JSON.stringify(auth)}`)
  }
  const portPolicy = values['strict-port'] ? 'strict' : 'next-free'
  const { record, out, replay = [] } = values
  const port = parseNumber('port', values.port, 65_535) ?? 3_000
  if (record === undefined && out !== undefined) throw new UsageError('--out: expected --record, too')
  if (record !== undefined) {
    if (replay.length > 0) throw new UsageError('--record: expected no --replay')
    const options = { port, host, target: parseTarget(record), file: resolve(out ?? 'recording.json') }
    return { command: 'record', portPolicy, options }
  }
  return {
    command: 'mock',
    portPolicy,
    replays: parseReplays(replay),
    ...(demo === undefined ? {} : { demo: resolve(demo) }),
    options: omitUndefined<MockServerOptions>({
      port,
      host,
      auth,
      cors,
      answers: readJsonFile('answers', values.answers, parseCannedAnswers),
      scenario: readJsonFile('scenario', values.scenario, parseScenario),
      seed: parseNumber('seed', values.seed, 0xffffffff),
      delay: parseNumber('delay', values.delay, 3_600_000),
      unit: values.tokens ? 'token' : undefined,
      heartbeat: parseNumber('heartbeat', values.heartbeat, 3_600_000),
      history: parseNumber('history', values.history, 1_000_000),
      tick: parseNumber('tick', values.tick, 3_600_000) ?? 1_000,
    }),
  }
}
