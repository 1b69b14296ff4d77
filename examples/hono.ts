/** The streams in Hono. */
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { answers, prices, sendPrices, server } from './streams.ts'

const app = new Hono()
app.get('/api/prices', (c) => prices.handler(c.req.raw))
app.all('/api/generate', (c) => answers.handler(c.req.raw))

const httpServer = serve({ fetch: app.fetch, port: Number(process.env['PORT'] ?? 3000) }, ({ port }) => {
  console.log(`http://localhost:${port}`)
})
void sendPrices()

process.once('SIGTERM', async () => {
  httpServer.close()
  await server.close({ grace: 5_000 })
  process.exit()
})
