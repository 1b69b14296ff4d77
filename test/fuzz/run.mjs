/** `npm run fuzz`: builds and starts the long run, and prints the replay command if the run hangs or dies. */
import { fork } from 'node:child_process'
import { buildPrograms } from '../support/build-programs.mjs'

/** Time without a message after which the run counts as hung: a round takes a few seconds, and shrinking at most 20 s. */
const SILENCE_TIMEOUT_MS = 90_000

const folder = await buildPrograms(import.meta.url, ['runner'], 'fuzz')
const child = fork(`${folder}runner.mjs`, process.argv.slice(2), {
  execArgv: ['--expose-gc', '--enable-source-maps'],
})
let replay = ''
let finished = false
let hanging = false
let timer
const restartTimer = () => {
  clearTimeout(timer)
  timer = setTimeout(() => {
    hanging = true
    child.kill('SIGKILL')
  }, SILENCE_TIMEOUT_MS)
}
restartTimer()
child.on('message', (message) => {
  restartTimer()
  if (message.finished) finished = true
  else replay = message.replay
})
child.on('exit', (code, signal) => {
  clearTimeout(timer)
  if (!finished && replay) {
    const reason = hanging ? `no progress for ${SILENCE_TIMEOUT_MS / 1000} s` : `ended early (${signal ?? code})`
    console.error(`\n✗ ${reason}\n  replay: ${replay}\n`)
  }
  process.exitCode = finished ? (code ?? 1) : 1
})
