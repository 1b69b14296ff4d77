/**
 * Serves the demo, by default on port 3000 (`PORT`, `--port`): the pages, the mock server, and the two processes of the
 * page “Two processes”.
 */
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const folder = (name) => fileURLToPath(new URL(`../${name}/`, import.meta.url))
const load = (path) => import(new URL(`../${path}`, import.meta.url).href)
/** Number of further ports to try if the requested port is in use. */
const MAX_PORT_ATTEMPTS = 100

const { values } = parseArgs({ options: { port: { type: 'string' }, host: { type: 'string' } } })
const { host = '127.0.0.1', port = process.env.PORT || '3000' } = values

const { startMockServer } = await load('dist/mock-server.js')
const { startProcesses } = await load('demo/server/processes.js')
const processes = await startProcesses()

/** Listens on the port, or if it is in use, on the next free one. */
async function listen(first) {
  for (let port = first; ; port++) {
    try {
      return await startMockServer({
        host,
        port,
        tick: 1_000,
        folders: { '/': folder('demo'), '/dist/': folder('dist') },
        fallback: processes.handle,
      })
    } catch (error) {
      const { code } = /** @type {NodeJS.ErrnoException} */ (error)
      if (code !== 'EADDRINUSE' || port >= first + MAX_PORT_ATTEMPTS) throw error
    }
  }
}

async function close() {
  await processes.close()
  await server.close()
  process.exit()
}

const server = await listen(Number(port))
console.log(`The demo runs at ${server.url}`)
console.log(`\n  Two processes behind one port: ${server.url}/processes.html`)
console.log(`  The mock server, for curl:     curl -N ${server.url}/api/stream`)
if (server.port !== Number(port) && port !== '0') console.log(`\nPort ${port} is in use.`)
// A second signal has no handler, so it ends this process at once, and the processes of the demo with it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => void close())
