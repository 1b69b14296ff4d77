/** Does what a command line says: prints help, or serves until it is told to stop. */
import { MOCK_API_KEY } from '../auth/authenticator.ts'
import { scenarioSchema } from '../scenario/schema.ts'
import type { MockServer, MockServerOptions } from '../node/mock-server.ts'
import { startMockServer } from '../node/mock-server.ts'
import { help, parseArguments, UsageError } from './parse-arguments.ts'

/** The process, as far as a command needs it. */
export interface CliEnvironment {
  /** Where the built package is. */
  readonly dist: string
  print(text: string): void
  printError(text: string): void
}

/** What a command leaves running, or the exit code of one that is done. */
export type CommandResult = { readonly exitCode: number } | { readonly server: MockServer }

/** How many ports are tried after a taken one. */
const MAX_PORT_ATTEMPTS = 100

async function startOnFreePort(options: MockServerOptions, policy: 'next-free' | 'strict'): Promise<MockServer> {
  const { port: first = 0 } = options
  for (let port = first; ; port++) {
    try {
      return await startMockServer({ ...options, port })
    } catch (error) {
      const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
      if (!isTaken) throw error
      if (policy === 'strict') throw new UsageError(`--port ${port}: it is taken`, { cause: error })
      if (port >= Math.min(first + MAX_PORT_ATTEMPTS, 65_535)) {
        throw new UsageError(`--port ${first}: it is taken, and so are the ${MAX_PORT_ATTEMPTS} after it`, {
          cause: error,
        })
      }
    }
  }
}

function formatCurlExamples({ url }: MockServer, { auth }: MockServerOptions): string {
  const headers = { jwt: ' -H "Authorization: Bearer $TOKEN"', apikey: ` -H 'X-API-Key: ${MOCK_API_KEY}'` }
  const header = auth === 'jwt' || auth === 'apikey' ? headers[auth] : ''
  const lines = [
    `curl -N${header} ${url}/api/stream`,
    `curl -N${header} -d '{"prompt":"你好"}' ${url}/api/generate`,
    `curl${header} -d '{"type":"note","data":"hello"}' ${url}/api/broadcast`,
  ]
  if (auth === 'jwt')
    lines.unshift(`TOKEN=$(curl -s -X POST ${url}/api/token | sed 's/.*"token":"\\([^"]*\\)".*/\\1/')`)
  return lines.map((line) => `  ${line}`).join('\n')
}

/** Runs the command. What the user got wrong is explained, and is exit code 2. */
export async function runCommand(
  args: readonly string[],
  { dist, print, printError }: CliEnvironment,
): Promise<CommandResult> {
  try {
    const command = parseArguments(args)
    if (command.command === 'help') {
      print(help())
      return { exitCode: 0 }
    }
    if (command.command === 'schema') {
      print(`${JSON.stringify(scenarioSchema, null, 2)}\n`)
      return { exitCode: 0 }
    }
    const { options, demo, port } = command
    const folders = demo === undefined ? {} : { folders: { '/': demo, '/dist/': dist } }
    const server = await startOnFreePort({ ...options, ...folders }, port)
    const { port: requestedPort } = options
    if (requestedPort !== 0 && server.port !== requestedPort)
      printError(`Port ${requestedPort} is taken, so it is ${server.port}.\n`)
    print(`Rivulet's mock server is at ${server.url}\n\n${formatCurlExamples(server, options)}\n\n`)
    return { server }
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    printError(`rivulet: ${error.message}\nSee rivulet mock --help\n`)
    return { exitCode: 2 }
  }
}
