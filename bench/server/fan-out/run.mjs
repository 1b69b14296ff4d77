/**
 * `node bench/server/fan-out/run.mjs`: sends events to many readers with this server, a plain loop over `node:http`, and
 * better-sse, in alternating rounds, and writes their section of bench/RESULTS.md. Needs `npm run build`.
 *
 * --readers 1000,10000   --rounds 10   --dry (writes nothing)
 */
import { fork } from 'node:child_process'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { writeSection } from '../../results.mjs'
import { median } from '../../statistics.mjs'
import { servers } from './servers.mjs'

const { values } = parseArgs({
  options: {
    readers: { type: 'string', default: '1000,10000' },
    rounds: { type: 'string', default: '10' },
    dry: { type: 'boolean', default: false },
  },
})
const rounds = Number(values.rounds)
const names = Object.keys(servers)
const [reference] = names

/** Starts a process; its commands resolve with their results. */
function start(file, ...args) {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, { execArgv: ['--expose-gc'] })
  const waiting = new Map()
  let nextId = 0
  child.on('message', ({ id, result }) => waiting.get(id)(result))
  return {
    call: (name, options = {}) =>
      new Promise((resolve) => {
        waiting.set(++nextId, resolve)
        child.send({ id: nextId, name, options })
      }),
    stop: () => child.kill(),
  }
}

const percentile = (numbers, part) => numbers.sort((one, other) => one - other)[Math.floor(part * numbers.length)]

/** Measures all servers with a number of readers. */
async function measure(count) {
  const pairs = await Promise.all(
    names.map(async (name) => {
      const server = start('server-process.mjs', name)
      return { name, server, client: start('client-process.mjs'), port: await server.call('port'), cpu: [], p99: [] }
    }),
  )
  const events = Math.max(20, Math.round(100_000 / count))
  const interval = Math.max(20, count / 20)
  for (const pair of pairs) {
    await pair.server.call('send', { count: 1, interval: 1, round: -1 })
    const before = await pair.server.call('memory')
    await pair.client.call('open', { port: pair.port, count })
    pair.memory = ((await pair.server.call('memory')) - before) / count
  }
  // The first round warms up.
  for (let round = 0; round <= rounds; round++) {
    for (const { server, client, cpu, p99 } of round % 2 ? pairs : pairs.toReversed()) {
      const received = client.call('expect', { count })
      const used = await server.call('send', { count: events, interval, round })
      const delays = await received
      if (round === 0) continue
      cpu.push(used / events / count)
      p99.push(percentile(delays, 0.99) / 1e6)
    }
  }
  for (const { server, client } of pairs) {
    client.stop()
    server.stop()
  }
  return pairs
}

/** A row of the table: medians, and in brackets the median of the ratios to the reference in the same rounds. */
function toRow({ name, cpu, p99, memory }, base) {
  const ratio = (own, others) => median(own.map((value, index) => value / others[index])).toFixed(2)
  return `| ${name} | ${median(cpu).toFixed(2)} µs (${ratio(cpu, base.cpu)}) | ${median(p99).toFixed(2)} ms (${ratio(p99, base.p99)}) | ${(memory / 1024).toFixed(1)} KiB (${(memory / base.memory).toFixed(2)}) |`
}

const parts = []
for (const count of values.readers.split(',').map(Number)) {
  const pairs = await measure(count)
  const base = pairs.find(({ name }) => name === reference)
  parts.push(
    `## ${count.toLocaleString('en')} readers\n\n| server | CPU per delivered event | delay, 99th percentile | memory per idle reader |\n| --- | ---: | ---: | ---: |\n${pairs.map((pair) => toRow(pair, base)).join('\n')}`,
  )
}
const note = `Written by \`node bench/server/fan-out/run.mjs\`: Node ${process.version}, ${cpus()[0].model}. Events of 300 bytes, one at a time; medians of ${rounds} alternating rounds, in brackets the ratio to the plain loop of the same round. Servers and readers are separate processes of one machine.`
const body = `${note}\n\n${parts.join('\n\n')}`
console.log(body)
if (!values.dry) await writeSection('Server: one feed, many readers', body)
