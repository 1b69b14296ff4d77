/** `npm run chaos`: builds the long run from its sources, starts it, and ends it if it says nothing any more. */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** Milliseconds without a word: the longest stream takes a small part of it. */
const SILENCE = 180_000

const outfile = fileURLToPath(new URL('../../node_modules/.cache/rivulet-chaos/campaign.mjs', import.meta.url))
await build({
  entryPoints: [fileURLToPath(new URL('campaign.ts', import.meta.url))],
  outfile,
  bundle: true,
  packages: 'external',
  platform: 'node',
  target: 'node20',
  format: 'esm',
  sourcemap: 'inline',
  logLevel: 'warning',
})

const child = fork(outfile, process.argv.slice(2), { execArgv: ['--enable-source-maps'] })
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
