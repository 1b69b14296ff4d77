/** The streams in Express, for clients with a JWT. */
import type { AddressInfo } from 'node:net'
import express from 'express'
import { createServer } from 'rivulet/server'
import { toNode } from 'rivulet/server/node'
import { type Price, model, parsePrompt, priceChanges } from './app.ts'
import { authenticate } from './authenticate.ts'

const server = createServer({ authenticate })
const prices = server.feed<{ price: Price }>('prices')
const answers = server.runs({
  parse: parsePrompt,
  generate: ({ body, signal }) => model(body.prompt, signal),
})

const app = express()
app.get('/api/prices', toNode(prices.handler))
app.all('/api/generate', toNode(answers.handler))

const httpServer = app.listen(Number(process.env['PORT'] ?? 3000), () => {
  console.log(`http://localhost:${(httpServer.address() as AddressInfo).port}`)
})

process.once('SIGTERM', async () => {
  httpServer.close()
  await server.close({ grace: 5_000 })
  process.exit()
})

for await (const price of priceChanges()) await prices.send('price', price).catch(console.error)
