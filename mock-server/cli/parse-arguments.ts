/** What the words after `rivulet` mean. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { MOCK_API_KEY } from '../auth/authenticator.ts'
import { parseCannedAnswers } from '../run/answers.ts'
import type { RuleKey } from '../scenario/rule.ts'
import { ruleKeys } from '../scenario/rule.ts'
import { describeAccepted, parseScenario } from '../scenario/scenario.ts'
import type { MockServerOptions } from '../node/mock-server.ts'

/** What is to be done. */
export type Command =
  | { readonly command: 'help' }
  | { readonly command: 'schema' }
  | {
      readonly command: 'mock'
      readonly options: MockServerOptions
      /** Folder to serve. */
      readonly demo?: string
      /** What is done about a port that is taken. */
      readonly port: 'next-free' | 'strict'
    }

/** The words were not understood; the message says which, and what was expected. */
export class UsageError extends Error {}

const options = {
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
  help: { type: 'boolean', short: 'h' },
} as const

const formatRuleKeys = (): string =>
  Array.from(new Set(Object.values<RuleKey>(ruleKeys).map(({ group }) => group)))
    .map((group) => {
      const lines = Object.entries<RuleKey>(ruleKeys)
        .filter(([, key]) => key.group === group)
        .map(([name, key]) => `    ${name.padEnd(16)} ${key.description}\n${' '.repeat(21)}(${describeAccepted(key)})`)
      return `  ${group}\n${lines.join('\n')}`
    })
    .join('\n')

/** The text of `--help`. */
export const help = (): string => `rivulet mock: a server of feeds and runs, with every fault of a bad network

Usage
  rivulet mock [options]
  rivulet mock schema        prints the JSON Schema of a scenario

Options
  --port PORT       3000 unless given; the next free one if it is taken
  --strict-port     fails if the port is taken
  --host HOST       127.0.0.1 unless given
  --cors ORIGIN     pages of this origin may read; may be given more than once, * for all
  --answers FILE    JSON: an object of prompt → answer (* for any other), or a list of answers
  --seed N          makes other answers and prices; the same ones for the same N
  --scenario FILE   what goes wrong, see below
  --auth KIND       jwt (tokens from POST /api/token) or apikey (X-API-Key: ${MOCK_API_KEY})
  --delay MS        between two deltas; 20 unless given
  --tokens          a delta is a token, not a character
  --heartbeat MS    between two comments of a silent stream; 30000 unless given, 0 for none
  --history N       events that the feed keeps; 1000 unless given
  --tick MS         between two made-up price events in the feed; 1000 unless given, 0 for none
  --demo DIR        serves this folder at /, and the built package at /dist/
  --help            prints this

What it serves
  GET    /api/stream            the feed: connected, price, whatever is broadcast; ?types=a,b filters
  POST   /api/broadcast         {"type": "note", "data": 1}
  GET    /api/generate?prompt=  a run: start, delta …, end
  POST   /api/generate          {"prompt": "…"}
  GET    /api/generate/ID       the run again, from its Last-Event-ID on; DELETE cancels it
  GET    /api/channel           many streams on one connection; POST /api/channel/ops opens and closes them
  POST   /v1/chat/completions   the same answers as OpenAI's API streams them
  POST   /api/token             with --auth jwt: {"subject", "expiresIn", "permissions"}, all optional
  GET    /_mock                 clients, runs, faults
  POST   /_mock                 a scenario, in force from now on ([] for none);
                                {"action": "drop"}; {"action": "restart", "downtime": 2000, "log": "lose"}

Scenarios
  A rule says what goes wrong, and for which requests: {"reset-after": 5, "times": 2}. A scenario is a rule, a list of
  rules, or {"rules": […]}. The same as text: reset-after:5,times:2 with ; between rules and percent-encoding for , and ;
  In the URL of a request: ?fault=reset-after:5,once. While it runs: curl -d reset-after:5 URL/_mock
${formatRuleKeys()}

In a program: import { startMockServer } from 'rivulet/mock-server'
  const server = await startMockServer({ port: 0, scenario: 'reset-after:5,once' })
  server.url, .clients, .connections, .broadcast({ type, data }), .setScenario(…), .kill(), .restart({ log: 'lose' }), .close()
`

function parseNumber(name: string, value: string | undefined, max = Number.MAX_SAFE_INTEGER): number | undefined {
  if (value === undefined) return undefined
  if (/^\d+$/.test(value) && Number(value) <= max) return Number(value)
  throw new UsageError(`--${name}: expected a whole number from 0 to ${max}, got ${JSON.stringify(value)}`)
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

function parseFlags(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true })
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error })
  }
}

const omitUndefined = <Value>(fields: { [Name in keyof Value]: Value[Name] | undefined }): Value =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Value

/** Understands the words after `rivulet`. Throws `UsageError`. */
export function parseArguments(args: readonly string[]): Command {
  const { values, positionals } = parseFlags(args)
  const [command, subcommand, ...extraArgs] = positionals
  if (values.help || command === undefined) return { command: 'help' }
  if (command !== 'mock') throw new UsageError(`${command}: expected the command mock`)
  if (subcommand === 'schema' && extraArgs.length === 0) return { command: 'schema' }
  if (subcommand !== undefined) throw new UsageError(`${subcommand}: expected nothing more, or schema`)
  const { auth, host, demo, cors } = values
  if (auth !== undefined && auth !== 'jwt' && auth !== 'apikey') {
    throw new UsageError(`--auth: expected jwt or apikey, got ${JSON.stringify(auth)}`)
  }
  return {
    command: 'mock',
    port: values['strict-port'] ? 'strict' : 'next-free',
    ...(demo === undefined ? {} : { demo: resolve(demo) }),
    options: omitUndefined<MockServerOptions>({
      port: parseNumber('port', values.port, 65_535) ?? 3_000,
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
