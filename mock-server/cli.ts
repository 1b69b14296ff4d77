#!/usr/bin/env node
/** The command `rivulet`. */
import { fileURLToPath } from 'node:url'
import { runCommand } from './node/command.ts'

const outcome = await runCommand(process.argv.slice(2), {
  dist: fileURLToPath(new URL('.', import.meta.url)),
  print: (text) => process.stdout.write(text),
  complain: (text) => process.stderr.write(text),
})

if ('exitCode' in outcome) {
  process.exitCode = outcome.exitCode
} else {
  const { server } = outcome
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    // The first one ends the streams in good order; the second finds the handler gone, and ends the process.
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
