/** The streams in Bun. */
import { answers, prices, sendPrices, server } from './streams.ts'

const httpServer = Bun.serve({
  port: Number(process.env['PORT'] ?? 3000),
  // Bun closes connections that are silent for 10 seconds; heartbeats come every 30.
  idleTimeout: 0,
  routes: { '/api/prices': prices.handler, '/api/generate': answers.handler },
  fetch: () => new Response('Not Found', { status: 404 }),
})
console.log(`http://localhost:${httpServer.port}`)
void sendPrices()

process.once('SIGTERM', async () => {
  await server.close({ grace: 5_000 })
  await httpServer.stop()
  process.exit()
})
