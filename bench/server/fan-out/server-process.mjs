/** The process of one server: carries out its parent's commands and measures itself. */
import { servers } from './servers.mjs'

const { port, send } = await servers[process.argv[2]]()
const padding = 'x'.repeat(240)
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

const commands = {
  port: () => port,
  /** Sends `count` events, each with its time; the last one names the round. Resolves with the CPU time in microseconds. */
  async send({ count, interval, round }) {
    const before = process.cpuUsage()
    for (let index = 1; index <= count; index++) {
      send({ t: String(process.hrtime.bigint()), padding, ...(index === count ? { last: round } : {}) })
      await pause(interval)
    }
    await pause(100)
    const { user, system } = process.cpuUsage(before)
    return user + system
  },
  /** Resolves with the memory of the process after a collection. */
  async memory() {
    for (let round = 0; round < 5; round++) {
      globalThis.gc()
      await pause(20)
    }
    return process.memoryUsage.rss()
  },
}

process.on('message', async ({ id, name, options }) => {
  process.send({ id, result: await commands[name](options) })
})
