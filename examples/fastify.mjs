/** `PORT=3000 node examples/fastify.mjs`: the streams in Fastify. */
import fastify from 'fastify'
import { toNode } from 'rivulet/server/node'
import { answers, prices, server } from './streams.mjs'

const app = fastify()
app.get('/api/prices', toNode(prices.handler))
app.all('/api/generate', toNode(answers.handler))

await app.listen({ port: Number(process.env.PORT) })
console.log(`http://localhost:${app.server.address().port}`)

process.once('SIGTERM', async () => {
  const closed = app.close()
  await server.close({ grace: 5_000 })
  // What is left are connections without a request.
  app.server.closeAllConnections()
  await closed
})
