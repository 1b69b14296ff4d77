/** `npm run chaos`: builds the long run from its sources, starts it, and ends it if it says nothing any more. */
import { fork } from 'node:child_process'
import { buildPrograms } from '../support/build-programs.mjs'

/** Milliseconds without a word: the longest stream takes a small part of it. */
const SILENCE = 180_000

const folder = await buildPrograms(import.meta.url, ['runner'], 'chaos')
const child = fork(`${folder}runner.mjs`, process.argv.slice(2), { execArgv: ['--enable-source-maps'] })
let finished = false
let timer
const listen = () => {
  clearTimeout(timer)
  timer = setTimeout(() => {
    console.error(`\n✗ nothing for ${SILENCE / 1000} s`)
    child.kill('SIGKILL')
  }, SILENCE)
}
listen()
child.on('message', (message) => {
  finished ||= message.finished
  listen()
})
child.on('exit', (code) => {
  clearTimeout(timer)
  process.exitCode = finished ? (code ?? 1) : 1
})
