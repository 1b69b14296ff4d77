/** The servers under measurement. Each opens a feed at any path and sends one event to all of its readers. */
import { createServer as createHttpServer } from 'node:http'

const headers = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache, no-transform' }

/** Starts an HTTP server on a free port. */
async function listen(handler) {
  const server = createHttpServer(handler)
  await new Promise((resolve) => server.listen(0, '127.0.0.1', 4_096, resolve))
  return server.address().port
}

export const servers = {
  /** What one writes without a library: the event is encoded once, and written to every response. */
  async plain() {
    const responses = new Set()
    let id = 0
    const port = await listen((_request, response) => {
      response.writeHead(200, headers)
      response.write(': open\n\n')
      responses.add(response)
      response.on('close', () => responses.delete(response))
    })
    setInterval(() => {
      for (const response of responses) response.write(': heartbeat\n\n')
    }, 30_000)
    return {
      port,
      send(data) {
        const text = `event: tick\nid: ${++id}\ndata: ${JSON.stringify(data)}\n\n`
        for (const response of responses) response.write(text)
      },
    }
  },
  async 'better-sse'() {
    const { createChannel, createSession } = await import('better-sse')
    const channel = createChannel()
    const port = await listen(async (request, response) => {
      channel.register(await createSession(request, response, { keepAlive: 30_000 }))
    })
    return { port, send: (data) => channel.broadcast(data, 'tick') }
  },
  async rivulet() {
    const { createServer } = await import('../../../dist/server.js')
    const { toNode } = await import('../../../dist/server/node.js')
    const feed = createServer().feed('ticks')
    const port = await listen(toNode(feed.handler))
    return { port, send: (data) => void feed.send('tick', data) }
  },
}
