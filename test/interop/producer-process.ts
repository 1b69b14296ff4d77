/** A process that is killed while it generates: a run of the server, and a stream of `resumable-stream`. */
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer } from '../../server/index.ts'
import { toNode } from '../../server/node.ts'
import { redisLog } from '../../server/redis.ts'
import { connectClient } from '../server/log/redis-fixture.ts'
import { createContext } from './resumable-stream.ts'

const [folder, redisPort] = [process.argv[2]!, Number(process.argv[3])]

const server = createServer({ log: redisLog(await connectClient(redisPort)) })
const answers = server.runs({
  async *generate() {
    yield 'Half an answer'
    await new Promise(() => undefined)
  },
})
const context = await createContext(folder, await connectClient(redisPort))
const makeStream = (): ReadableStream<string> =>
  new ReadableStream({ start: (controller) => controller.enqueue('Half an answer') })
await context.createNewResumableStream('answer', makeStream)

const httpServer = createHttpServer(toNode(answers.handler)).listen(0, '127.0.0.1', () => {
  process.send!((httpServer.address() as AddressInfo).port)
})
