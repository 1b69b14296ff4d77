/** A storm of reconnecting clients on two servers with one Redis. */
import { test } from 'vitest'
import { connect, openLogOf, startServer } from '../log/redis-servers.ts'
import { CLIENTS, expectNoLoss } from './storm.ts'

test(
  `[P2.3] ${CLIENTS.bytes + CLIENTS.sdk} clients that reconnect at once lose and repeat nothing of two servers with Redis`,
  { timeout: 600_000 },
  async () => {
    const { port } = await startServer()
    const open = async () => openLogOf(await connect(port))
    await expectNoLoss('Redis', [await open(), await open()])
  },
)
