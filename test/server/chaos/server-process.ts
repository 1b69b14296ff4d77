/** One of the processes that `cluster.ts` starts and kills: serves the runs and feeds of all batches. */
import { appendFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { createClient } from '@redis/client'
import { createServer } from '../../../server/index.ts'
import { toNode } from '../../../server/node.ts'
import { redisLog } from '../../../server/redis.ts'
import { createAnswer } from '../../chaos/payloads.ts'
import type { ProcessOptions } from './cluster.ts'
import { feedOptions, HEARTBEAT_MS, parseStreamName, STREAM_HEADER } from './protocol.ts'
import { drawStream } from './schedule.ts'

const { port, redisPort, generationsFile } = JSON.parse(process.argv[2]!) as ProcessOptions

const redis = createClient({ socket: { host: '127.0.0.1', port: redisPort, reconnectStrategy: 20 } })
redis.on('error', () => undefined) // Redis is killed on purpose
await redis.connect()

const server = createServer({
  log: redisLog(redis),
  heartbeat: HEARTBEAT_MS,
  limits: { streams: Infinity, runs: Infinity },
  authenticate: ({ headers }) => ({ subject: headers.get(STREAM_HEADER) ?? '' }),
})
const answers = server.runs({
  async *generate({ identity: { subject }, signal }) {
    // Written at once: what a process that is killed has sent to another one may be lost.
    appendFileSync(generationsFile, `${subject} ${process.pid}\n`)
    const { kind, seed } = parseStreamName(subject)
    const { deltaIntervalMs } = drawStream(seed, kind)
    for (const content of createAnswer(seed).deltas) {
      await delay(deltaIntervalMs, undefined, { signal })
      yield content
    }
  },
})
const feeds = new Map<string, (request: Request) => Promise<Response>>()

/** Returns the handler of a request: each stream has a feed of its own, and all runs have the same handler. */
function handlerOf(path: string, stream: string): (request: Request) => Promise<Response> {
  if (path.startsWith('/api/generate')) return answers.handler
  const handler = feeds.get(stream) ?? server.feed(stream, feedOptions).handler
  feeds.set(stream, handler)
  return handler
}

const httpServer = createHttpServer((request, response) => {
  const stream = String(request.headers[STREAM_HEADER])
  const { kind, seed } = parseStreamName(stream)
  toNode(handlerOf(request.url!, stream), { compress: drawStream(seed, kind).compress })(request, response)
})
httpServer.listen(port, '127.0.0.1', () => process.send!('listening'))
process.on('disconnect', () => process.exit())
