/** The Node process of one adapter: performs the measurements that its parent requests. */
import { outDir } from './build-dir.mjs'
import { createMeter } from './measure.mjs'

const adapter = await import(`${outDir}${process.argv[2]}.mjs`)
const meter = createMeter(adapter, () => {
  const { user, system } = process.cpuUsage()
  return user + system
})

process.on('message', async ({ id, method, args }) => {
  try {
    process.send({ id, value: await meter[method](...args) })
  } catch (error) {
    process.send({ id, error: String(error?.stack ?? error) })
  }
})
process.send({ id: 0 })
