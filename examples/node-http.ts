/** The streams on a server of `node:http`. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { toNode } from 'rivulet/server/node'
import { answers, prices, sendPrices, server } from './streams.ts'

const routes = new Map([
  ['/api/prices', toNode(prices.handler)],
  ['/api/generate', toNode(answers.handler)],
])

const httpServer = createServer((request, response) => {
  const route = routes.get(request.url!.split('?')[0]!)
  if (route) route(request, response)
  else response.writeHead(404).end()
})
httpServer.listen(process.env['PORT'] ?? 3000, () => {
  console.log(`http://localhost:${(httpServer.address() as AddressInfo).port}`)
})
void sendPrices()

process.once('SIGTERM', async () => {
  httpServer.close()
  await server.close({ grace: 5_000 })
  process.exit()
})
