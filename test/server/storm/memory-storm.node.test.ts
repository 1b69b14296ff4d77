/** A storm of reconnecting clients on the log of one process. */
import { test } from 'vitest'
import { memoryLog } from '../../../server/log/memory-log.ts'
import { CLIENTS, expectNoLoss } from './storm.ts'

test(
  `[P2.3] ${CLIENTS.bytes + CLIENTS.sdk} clients that reconnect at once lose and repeat nothing of one process`,
  { timeout: 600_000 },
  () => expectNoLoss('the memory log', [memoryLog({ shared: false })]),
)
