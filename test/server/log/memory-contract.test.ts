/** The memory log keeps the contract of logs. */
import { memoryLog } from '../../../server/log/memory-log.ts'
import { createManualServerClock } from '../../mock-server/support/manual-server-clock.ts'
import { describeLog } from './describe-log.ts'

describeLog('memory log', async () => {
  const clock = createManualServerClock()
  const log = memoryLog({ shared: false, clock })
  return {
    open: async () => log,
    advance: (ms) => clock.advance(ms),
    // Readers get a turn before events are trimmed.
    async settle() {
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
    },
    close: async () => {},
  }
})
