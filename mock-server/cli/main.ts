/** Runs the command line, and closes the server on SIGTERM and SIGINT. */
import { fileURLToPath } from 'node:url'
import { runCommand } from './run-command.ts'

/** Runs the command with these arguments. If the command starts a server, the server keeps the process alive. */
export async function main(args: readonly string[]): Promise<void> {
  const result = await runCommand(args, {
    // After bundling, this file is `dist/cli.js`.
    dist: fileURLToPath(new URL('./', import.meta.url)),
    print: (text) => process.stdout.write(text),
    printError: (text) => process.stderr.write(text),
  })
  if ('exitCode' in result) {
    process.exitCode = result.exitCode
    return
  }
  const server = 'server' in result ? result.server : result.recorder
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    // The first signal ends the streams cleanly. A second signal has no handler, so it ends the process.
    process.once(signal, () => {
      server.close().then(
        () => process.exit(0),
        (error: unknown) => {
          console.error(error)
          process.exit(1)
        },
      )
    })
  }
}
