/** The process whose memory is measured: a mock server that carries out its parent's commands. */
import { builtServer } from './build.mjs'

const { startMockServer } = await import(builtServer)
let server

const turn = () => new Promise((resolve) => setTimeout(resolve, 5))

const commands = {
  async start() {
    server = await startMockServer({ heartbeat: 0 })
    return { port: server.port }
  },
  /** Sends events one by one, so that the compressors fill their windows; resolves once all are written. */
  async send({ count }) {
    for (let index = 0; index < count; index++) {
      server.broadcast({ type: 'delta', data: { content: `word ${index % 50}`, index } })
      while (server.connections.some(({ buffered }) => buffered > 0)) await turn()
      await turn()
    }
    return {}
  },
  async memory() {
    for (let round = 0; round < 5; round++) {
      globalThis.gc()
      await turn()
    }
    const { connections, clients } = server
    return {
      rss: process.memoryUsage.rss(),
      clients: clients.length,
      encodings: [...new Set(connections.map(({ encoding }) => encoding))],
    }
  },
}

process.on('message', async (message) => process.send(await commands[message.command](message)))
