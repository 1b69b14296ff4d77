/** `PORT=3000 node examples/express.mjs`: the streams in Express. */
import express from 'express'
import { toNode } from 'rivulet/server/node'
import { answers, prices, server } from './streams.mjs'

const app = express()
app.get('/api/prices', toNode(prices.handler))
app.all('/api/generate', toNode(answers.handler))

const httpServer = app.listen(process.env.PORT, () => console.log(`http://localhost:${httpServer.address().port}`))

process.once('SIGTERM', async () => {
  httpServer.close()
  await server.close({ grace: 5_000 })
  // What is left are connections without a request.
  httpServer.closeAllConnections()
})
