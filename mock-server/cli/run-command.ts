/** Runs a command: prints help or the schema, or starts the mock server. */
import { MOCK_API_KEY } from '../auth/authenticator.ts'
import type { MockServer, MockServerOptions } from '../node/mock-server.ts'
import { startMockServer } from '../node/mock-server.ts'
import { scenarioSchema } from '../scenario/schema.ts'
import type { PortPolicy } from './parse-arguments.ts'
import { formatHelp, parseArguments, UsageError } from './parse-arguments.ts'
import type { RunningServer } from './recording-server.ts'
import { startRecordingServer } from './recording-server.ts'

/** The parts of the process that a command uses. */
export interface CliEnvironment {
  /** Folder of the built package. */
  readonly dist: string
  print(text: string): void
  printError(text: string): void
}

/** The server that a command has started, or the exit code of a finished command. */
export type CommandResult =
  | { readonly exitCode: number }
  | { readonly server: MockServer }
  | { readonly recorder: RunningServer }

/** Number of further ports to try if the requested port is in use. */
const MAX_PORT_ATTEMPTS = 100

async function startOnFreePort<Server>(
  first: number,
  portPolicy: PortPolicy,
  start: (port: number) => Promise<Server>,
): Promise<Server> {
  for (let port = first; ; port++) {
    try {
      return await start(port)
    } catch (error) {
      const isInUse = (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
      if (!isInUse) throw error
      if (portPolicy === 'strict') throw new UsageError(`--port ${port}: port is in use`, { cause: error })
      if (port >= Math.min(first + MAX_PORT_ATTEMPTS, 65_535)) {
        throw new UsageError(`--port ${first}: port is in use, and so are the next ${MAX_PORT_ATTEMPTS}`, {
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

/** Runs the command. Reports invalid arguments with exit code 2. */
export async function runCommand(
  args: readonly string[],
  { dist, print, printError }: CliEnvironment,
): Promise<CommandResult> {
  try {
    const command = parseArguments(args)
    if (command.command === 'help') {
      print(formatHelp())
      return { exitCode: 0 }
    }
    if (command.command === 'schema') {
      print(`${JSON.stringify(scenarioSchema, null, 2)}\n`)
      return { exitCode: 0 }
    }
    const { port: requestedPort = 0 } = command.options
    const reportPort = ({ port }: RunningServer): void => {
      if (requestedPort !== 0 && port !== requestedPort)
        printError(`Port ${requestedPort} is in use, using ${port} instead.\n`)
    }
    if (command.command === 'record') {
      const { options, portPolicy } = command
      const recorder = await startOnFreePort(requestedPort, portPolicy, (port) =>
        startRecordingServer({ ...options, port, printError }),
      )
      reportPort(recorder)
      print(`Rivulet recorder listening on ${recorder.url}\n\n  ${options.target.href} → ${options.file}\n\n`)
      return { recorder }
    }
    const { options, demo, portPolicy, replays } = command
    const folders = demo === undefined ? {} : { folders: { '/': demo, '/dist/': dist } }
    const server = await startOnFreePort(requestedPort, portPolicy, (port) =>
      startMockServer({ ...options, ...folders, port }),
    )
    for (const { path, text } of replays) server.service.addReplay(path, text)
    reportPort(server)
    print(`Rivulet mock server listening on ${server.url}\n\n${formatCurlExamples(server, options)}\n\n`)
    return { server }
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    printError(`rivulet: ${error.message}\nRun "rivulet mock --help" for usage.\n`)
    return { exitCode: 2 }
  }
}
