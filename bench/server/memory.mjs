/** Measures the server's memory per connection, by encoding; each figure is measured in its own process. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { encodings } from './client.mjs'

const CONNECTIONS = 1_000
const EVENTS = 200

/** Resolves with the number of bytes per connection. */
async function measure(encoding) {
  const server = fork(fileURLToPath(new URL('memory-server.mjs', import.meta.url)), { execArgv: ['--expose-gc'] })
  const call = async (message) => {
    server.send(message)
    return (await once(server, 'message'))[0]
  }
  const { port } = await call({ command: 'start' })
  const before = await call({ command: 'memory' })
  const sockets = await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      const socket = connect(port, '127.0.0.1')
      socket.write(`GET /api/stream HTTP/1.1\r\nhost: localhost\r\naccept-encoding: ${encoding}\r\n\r\n`)
      await once(socket, 'data')
      socket.resume()
      return socket
    }),
  )
  await call({ command: 'send', count: EVENTS })
  const after = await call({ command: 'memory' })
  if (after.clients !== CONNECTIONS || after.encodings.join() !== encoding)
    throw new Error(
      `${after.clients} clients with encodings ${after.encodings} instead of ${CONNECTIONS} with ${encoding}`,
    )
  for (const socket of sockets) socket.destroy()
  server.kill()
  return (after.rss - before.rss) / CONNECTIONS
}

/** Resolves with the number of bytes per connection for each encoding. */
export async function measureMemory() {
  const bytes = {}
  for (const encoding of encodings) bytes[encoding] = await measure(encoding)
  return { connections: CONNECTIONS, events: EVENTS, bytes }
}
