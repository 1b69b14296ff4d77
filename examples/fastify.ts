/** The streams in Fastify. */
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import { toNode } from 'rivulet/server/node'
import { answers, prices, sendPrices, server } from './streams.ts'

const app = Fastify({ forceCloseConnections: true })
app.get('/api/prices', toNode(prices.handler))
app.all('/api/generate', toNode(answers.handler))
app.addHook('preClose', () => server.close({ grace: 5_000 }))

await app.listen({ port: Number(process.env['PORT'] ?? 3000) })
console.log(`http://localhost:${(app.server.address() as AddressInfo).port}`)
void sendPrices()

process.once('SIGTERM', async () => {
  await app.close()
  process.exit()
})
