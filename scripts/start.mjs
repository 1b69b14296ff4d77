/** Serves the mock server and the demo, on port 3000 unless `PORT` or `--port` says otherwise. */
import { fileURLToPath, pathToFileURL } from 'node:url'

const asked = process.argv.slice(2)
const port = asked.some((arg) => arg === '--port' || arg.startsWith('--port='))
  ? []
  : ['--port', process.env.PORT || '3000']
const demo = fileURLToPath(new URL('../demo', import.meta.url))
const cli = fileURLToPath(new URL('../dist/cli.js', import.meta.url))

process.argv = [process.execPath, cli, 'mock', '--demo', demo, ...port, ...asked]
await import(pathToFileURL(cli).href)
