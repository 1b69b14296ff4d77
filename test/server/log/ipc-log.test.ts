/** The log of the demo’s worker processes keeps the contract of logs, and does not hang when its parent process ends. */
import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { ipcLog } from '../../../demo/server/ipc-log.js'
import { serveLog } from '../../../demo/server/serve-log.js'
import type { EventLog } from '../../../server/log/event-log.ts'
import { memoryLog } from '../../../server/log/memory-log.ts'
import { createManualServerClock } from '../../mock-server/support/manual-server-clock.ts'
import { describeLog } from './describe-log.ts'
import { FEED, RUN, frame, keepAll, watchInForce } from './log-helpers.ts'

/** One end of a connection between processes: messages are cloned, and arrive later. */
class Channel extends EventEmitter {
  other: Channel | undefined

  send(message: unknown, onSent: (error?: Error) => void): void {
    const { other } = this
    if (!other) return void setImmediate(onSent, new Error('Channel closed'))
    const copy = structuredClone(message)
    setImmediate(() => other.emit('message', copy))
  }

  disconnect(): void {
    const ends = [this, this.other!]
    for (const end of ends) end.other = undefined
    for (const end of ends) end.emit('disconnect')
  }
}

/** Connects a worker to the process that keeps the log. */
function connect(log: EventLog) {
  const [worker, parent] = [new Channel(), new Channel()]
  worker.other = parent
  parent.other = worker
  serveLog(log, parent)
  return { worker, parent, log: ipcLog(worker) as EventLog }
}

describeLog('log of a worker process', async () => {
  const clock = createManualServerClock()
  const kept = memoryLog({ shared: false, clock })
  return {
    open: async () => connect(kept).log,
    advance: (ms) => clock.advance(ms),
    async settle() {
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
    },
    close: () => kept.close(),
  }
})

test('calls reject when the parent process ends, and so do later ones', async () => {
  const { worker, log } = connect({ ...memoryLog({ shared: false }), read: () => new Promise(() => {}) })
  const pending = log.read(FEED, 0, { bytes: 1 })
  worker.disconnect()
  await expect(pending).rejects.toThrow('The process that keeps the log cannot be reached.')
  await expect(log.find(RUN)).rejects.toThrow('The log is closed.')
})

test('a failure of the log reaches the worker', async () => {
  const { log } = connect({ ...memoryLog({ shared: false }), find: () => Promise.reject(new Error('No storage')) })
  await expect(log.find(RUN)).rejects.toThrow('No storage')
})

test('only the methods of a log can be called', async () => {
  const { worker } = connect(memoryLog({ shared: false }))
  const answer = new Promise((resolve) => void worker.once('message', resolve))
  worker.send({ type: 'call', id: 1, method: 'constructor', args: [] }, () => {})
  expect(await answer).toEqual({ type: 'failure', id: 1, reason: 'The log has no method constructor.' })
})

test('the tails of a worker stop when it ends', async () => {
  let tails = 0
  const kept = memoryLog({ shared: false })
  const { worker, log } = connect({
    append: (...args) => kept.append(...args),
    tail(stream, wake) {
      const stop = kept.tail(stream, wake)
      tails++
      return () => {
        tails--
        stop()
      }
    },
  } as EventLog)
  await watchInForce(log, FEED, () => log.append(FEED, [frame(1)], { nonce: 'abc', retention: keepAll }))
  expect(tails).toBe(1)
  worker.disconnect()
  expect(tails).toBe(0)
})
