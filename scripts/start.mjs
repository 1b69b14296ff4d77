/** Serves the mock server and the demo, by default on port 3000 (`PORT`, `--port`). */
import { fileURLToPath, pathToFileURL } from 'node:url'

const args = process.argv.slice(2)
const port = args.some((arg) => arg === '--port' || arg.startsWith('--port='))
  ? []
  : ['--port', process.env.PORT || '3000']
const demo = fileURLToPath(new URL('../demo', import.meta.url))
const cli = fileURLToPath(new URL('../dist/cli.js', import.meta.url))

process.argv = [process.execPath, cli, 'mock', '--demo', demo, ...port, ...args]
await import(pathToFileURL(cli).href)
