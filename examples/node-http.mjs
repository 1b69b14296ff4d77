/** `PORT=3000 node examples/node-http.mjs`: the streams on a server of `node:http`. */
import { createServer } from 'node:http'
import { toNode } from 'rivulet/server/node'
import { answers, prices, server } from './streams.mjs'

const routes = { '/api/prices': toNode(prices.handler), '/api/generate': toNode(answers.handler) }

const httpServer = createServer((request, response) => {
  const route = routes[request.url.split('?')[0]]
  if (route) route(request, response)
  else response.writeHead(404).end()
})
httpServer.listen(process.env.PORT, () => console.log(`http://localhost:${httpServer.address().port}`))

process.once('SIGTERM', async () => {
  httpServer.close()
  await server.close({ grace: 5_000 })
  // What is left are connections without a request.
  httpServer.closeAllConnections()
})
