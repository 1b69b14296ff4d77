/** The process whose memory is measured: a mock server, and what its parent asks of it. */
import { built } from './build.mjs'

const { startMockServer } = await import(built)
let server

const turn = () => new Promise((resolve) => setTimeout(resolve, 5))

const answers = {
  async start() {
    server = await startMockServer({ heartbeat: 0 })
    return { port: server.port }
  },
  /** Event after event, so that the encoders have something to look back at; settles when all have been written. */
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

process.on('message', async (question) => process.send(await answers[question.ask](question)))
