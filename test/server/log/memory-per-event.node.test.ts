/** A kept run of short deltas costs little more memory than its text on the wire. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { memoryLog } from '../../../server/log/memory-log.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const RUNS = 200
const DELTAS = 200
const RETENTION = { events: Infinity, bytes: 1_000_000, age: Infinity }

test('a kept run of 200 one-character deltas takes less than 1.5 times its bytes on the wire', async () => {
  const log = memoryLog({ shared: false })
  let wireBytes = 0
  collectGarbage()
  const before = process.memoryUsage().heapUsed
  for (let run = 0; run < RUNS; run++) {
    const stream = `run:${crypto.randomUUID()}`
    const claim = await log.claim(stream, { owner: 'ann', lease: 60_000, keep: 60_000 })
    const token = claim.role === 'producer' ? claim.token : 0
    for (let index = 0; index < DELTAS; index++) {
      const frame = `event: delta\ndata: {"content":"${'abcdefghij'[index % 10]}","index":${index}}\n`
      wireBytes += frame.length + `id: ${stream.slice(4)}-${index}-01234567\n\n`.length
      await log.append(stream, [frame], { nonce: '01234567', token, at: index + 1, retention: RETENTION })
    }
  }
  collectGarbage()
  const used = process.memoryUsage().heapUsed - before
  expect(used / wireBytes).toBeLessThan(1.5)
  await log.close()
})
