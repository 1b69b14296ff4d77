/** The server of `--record`: passes requests on to a real server, and writes its responses to a file. */
import { renameSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { toNode } from '../../server/node/to-node.ts'
import { createRecorder } from '../replay/record.ts'
import type { RecordedResponse, Recording } from '../replay/recording.ts'

/** Options of `startRecordingServer`. */
export interface RecordingOptions {
  readonly port: number
  /** @defaultValue '127.0.0.1' */
  readonly host?: string | undefined
  /** Base URL of the real server. */
  readonly target: URL
  /** File to write; an existing one is replaced. */
  readonly file: string
  printError(text: string): void
}

/** A server that has started. */
export interface RunningServer {
  readonly url: string
  readonly port: number
  close(): Promise<void>
}

/** Number of responses after which recording stops. */
const MAX_RESPONSES = 1_000

/** Starts the server. Rejects if the port is in use. */
export async function startRecordingServer(options: RecordingOptions): Promise<RunningServer> {
  const { target, file, host = '127.0.0.1', printError } = options
  const responses: RecordedResponse[] = []
  const onResponse = (response: RecordedResponse): void => {
    if (responses.length === MAX_RESPONSES) return printError(`Not recorded: ${response.method} ${response.path}\n`)
    responses.push(response)
    const recording: Recording = { recording: 1, responses }
    // A reader never finds half a file.
    writeFileSync(`${file}.part`, `${JSON.stringify(recording, null, 2)}\n`)
    renameSync(`${file}.part`, file)
  }
  const server = createServer(toNode(createRecorder({ target, onResponse })))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
