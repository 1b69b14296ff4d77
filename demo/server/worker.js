/** One of the two processes: serves the feed and the answers on a port of its own, which only the front knows. */
import { createServer as createHttpServer } from 'node:http'
import { setInterval, setTimeout } from 'node:timers/promises'
import { HttpError, createServer } from 'rivulet/server'
import { toNode } from 'rivulet/server/node'
import { answerTo, tokensOf } from './answer.js'
import { ipcLog } from './ipc-log.js'

const TOKEN_INTERVAL_MS = 120
const TICK_INTERVAL_MS = 800

/** Number of this process: its replacement has the same. */
const number = Number(process.argv[2])

// The parent process has the log. When it ends, however it ends, so does this process.
process.once('disconnect', () => process.exit())

const server = createServer({
  log: ipcLog(process),
  heartbeat: 2_000,
  // The page shows which process generates an answer.
  instrument({ type, id }) {
    if (type === 'run-start' || type === 'run-end') process.send({ type, id })
  },
})
const ticks = server.feed('ticks')
const answers = server.runs({
  parse({ prompt, prefix = '' }) {
    const isValid = typeof prompt === 'string' && prompt.length <= 2_000 && answerTo(prompt).startsWith(prefix)
    if (!isValid) throw new HttpError(400, 'Expected a prompt, and as the prefix a beginning of its answer.')
    return { prompt, prefix }
  },
  /** Generates the part of the answer that follows the prefix. */
  async *generate({ body: { prompt, prefix }, signal }) {
    for (const token of tokensOf(answerTo(prompt).slice(prefix.length))) {
      await setTimeout(TOKEN_INTERVAL_MS, undefined, { signal })
      yield token
    }
  },
})

const routes = { '/processes/feed': toNode(ticks.handler), '/processes/answers': toNode(answers.handler) }
const httpServer = createHttpServer((request, response) => {
  response.setHeader('x-process', number)
  const handle = routes[request.url.split('?')[0]]
  if (handle) handle(request, response)
  else response.writeHead(404).end()
})
httpServer.listen(0, '127.0.0.1', () => process.send({ type: 'ready', port: httpServer.address().port }))

let count = 0
for await (const _ of setInterval(TICK_INTERVAL_MS)) {
  const text = `event ${++count} of process ${number}, PID ${process.pid}`
  await ticks.send(`process-${number}`, { source: process.pid, count, text })
}
