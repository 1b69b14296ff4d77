/** Two processes behind one port, with their streams in Redis: either can be killed. */
import cluster from 'node:cluster'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createClient } from '@redis/client'
import { createServer } from 'rivulet/server'
import { toNode } from 'rivulet/server/node'
import { redisLog } from 'rivulet/server/redis'
import { type Price, model, parsePrompt, priceChanges } from './app.ts'

const redis = createClient({ url: process.env['REDIS_URL'] ?? 'redis://localhost:6379' })
redis.on('error', (error: Error) => console.error(error.message))
await redis.connect()

const server = createServer({ log: redisLog(redis) })
const prices = server.feed<{ price: Price }>('prices')

if (cluster.isPrimary) {
  // Sends to the readers of all processes, and restarts those that die.
  let isStopping = false
  for (const _ of [1, 2]) cluster.fork()
  cluster.on('exit', () => {
    if (!isStopping) cluster.fork()
    else if (Object.keys(cluster.workers!).length === 0) process.exit()
  })
  process.once('SIGTERM', () => {
    isStopping = true
    for (const worker of Object.values(cluster.workers!)) worker!.process.kill('SIGTERM')
  })
  for await (const price of priceChanges()) await prices.send('price', price).catch(console.error)
} else {
  const answers = server.runs({
    parse: parsePrompt,
    generate: ({ body, signal }) => model(body.prompt, signal),
  })
  const routes = new Map([
    ['/api/prices', toNode(prices.handler)],
    ['/api/generate', toNode(answers.handler)],
  ])
  const httpServer = createHttpServer((request, response) => {
    response.setHeader('x-process', process.pid)
    const route = routes.get(request.url!.split('?')[0]!)
    if (route) route(request, response)
    else response.writeHead(404).end()
  })
  httpServer.listen(Number(process.env['PORT'] ?? 3000), () => {
    console.log(`http://localhost:${(httpServer.address() as AddressInfo).port}`)
  })
  process.once('SIGTERM', async () => {
    httpServer.close()
    await server.close({ grace: 5_000 })
    process.exit()
  })
}
