/** Serves the mock server and the demo, rebuilds on every change, and restarts the server after each build. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { watch } from 'rollup'
import { loadConfigFile } from 'rollup/loadConfigFile'

const root = fileURLToPath(new URL('../', import.meta.url))
const { options } = await loadConfigFile(`${root}rollup.config.mjs`, {})
let server

function restart() {
  server?.kill()
  server = spawn(process.execPath, [`${root}scripts/start.mjs`, ...process.argv.slice(2)], { stdio: 'inherit' })
}

const watcher = watch(options.map((build) => ({ ...build, watch: { clearScreen: false } })))
watcher.on('event', (event) => {
  if (event.code === 'ERROR') console.error(event.error.message)
  if (event.code === 'BUNDLE_END') void event.result.close()
  if (event.code !== 'END') return
  console.log('Built. Watching for changes.')
  restart()
})
process.on('SIGINT', () => {
  server?.kill()
  process.exit()
})
