/** `npm run chaos`: builds and starts the long chaos run, and kills it if it makes no progress. */
import { fork } from 'node:child_process'
import { buildPrograms } from '../support/build-programs.mjs'

/** Time without a message after which the run is killed; the longest stream takes a fraction of this time. */
const SILENCE_TIMEOUT_MS = 180_000

const folder = await buildPrograms(import.meta.url, ['runner'], 'chaos')
const child = fork(`${folder}runner.mjs`, process.argv.slice(2), { execArgv: ['--enable-source-maps'] })
let finished = false
let timer
const restartTimer = () => {
  clearTimeout(timer)
  timer = setTimeout(() => {
    console.error(`\n✗ no progress for ${SILENCE_TIMEOUT_MS / 1000} s`)
    child.kill('SIGKILL')
  }, SILENCE_TIMEOUT_MS)
}
restartTimer()
child.on('message', (message) => {
  finished ||= message.finished
  restartTimer()
})
child.on('exit', (code) => {
  clearTimeout(timer)
  process.exitCode = finished ? (code ?? 1) : 1
})
