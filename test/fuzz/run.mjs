/** `npm run fuzz`: builds the long run from its sources, starts it, and tells what it was at if it hangs or dies. */
import { fork } from 'node:child_process'
import { buildPrograms } from '../support/build-programs.mjs'

/** Milliseconds without a word, after which it counts as hanging: a round takes a few seconds, and shrinking at most 20. */
const SILENCE = 90_000

const folder = await buildPrograms(import.meta.url, ['runner'], 'fuzz')
const child = fork(`${folder}runner.mjs`, process.argv.slice(2), {
  execArgv: ['--expose-gc', '--enable-source-maps'],
})
let replay = ''
let finished = false
let hanging = false
let timer
const listen = () => {
  clearTimeout(timer)
  timer = setTimeout(() => {
    hanging = true
    child.kill('SIGKILL')
  }, SILENCE)
}
listen()
child.on('message', (message) => {
  listen()
  if (message.finished) finished = true
  else replay = message.replay
})
child.on('exit', (code, signal) => {
  clearTimeout(timer)
  if (!finished && replay) {
    const fate = hanging ? `nothing for ${SILENCE / 1000} s` : `ended early (${signal ?? code})`
    console.error(`\n✗ ${fate}\n  replay: ${replay}\n`)
  }
  process.exitCode = finished ? (code ?? 1) : 1
})
