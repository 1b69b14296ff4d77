/**
 * `node bench/multiplex/run.mjs`: streams of one page on a connection each, over one carrier, and over HTTP/2, and writes their
 * section of RESULTS.md.
 *
 * --rounds 5   --events 30000   --dry (writes nothing)
 */
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { chromium } from 'playwright'
import { browserArgs, findBrowser } from '../../scripts/browser.mjs'
import { writeSection } from '../results.mjs'
import { median } from '../statistics.mjs'
import { startServers } from './server.mjs'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    events: { type: 'string', default: '30000' },
    dry: { type: 'boolean', default: false },
  },
})
const [rounds, total] = [Number(values.rounds), Number(values.events)]
const TICKS = 200
/** Milliseconds between two events whose delay is noted. */
const PACE = 5
const filling = 'x'.repeat(240)

const { mock, urls, close } = await startServers()
const transports = [
  { name: 'a connection each, HTTP/1.1', at: 'http1', carried: 0 },
  { name: 'one carrier, HTTP/1.1', at: 'http1', carried: 0x40000 },
  { name: 'one carrier, window of 4 MiB', at: 'http1', carried: 0x400000 },
  ...(urls.http2
    ? [
        { name: 'a connection each, HTTP/2', at: 'http2', carried: 0 },
        { name: 'one carrier, HTTP/2', at: 'http2', carried: 0x40000 },
      ]
    : []),
]
const [baseline] = transports
const sizes = [1, 10, 100]
const executablePath = findBrowser()
const browser = await chromium.launch({ args: browserArgs, ...(executablePath && { executablePath }) })

/** A fresh page, with page.mjs in it. */
async function openPage(at) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true })
  const page = await context.newPage()
  await page.goto(urls[at])
  await page.addScriptTag({ type: 'module', content: 'import * as bench from "/bench/page.mjs"; window.bench = bench' })
  await page.waitForFunction(() => 'bench' in window)
  return { page, leave: () => context.close() }
}

/** Where each stream is read from: behind an event that is not measured. */
const begins = {}
for (const streams of sizes) {
  for (let index = 0; index < streams; index++) {
    const feed = mock.feed(`/read/${streams}/${index}`)
    mock.feed(`/live/${streams}/${index}`)
    begins[`/read/${streams}/${index}`] = feed.send({ type: 'begin', data: 0 })
    for (let row = 0; row < total / streams; row++) feed.send({ type: 'row', data: { index: row, filling } })
  }
}
const pathsOf = (kind, streams) => Array.from({ length: streams }, (_, index) => `/${kind}/${streams}/${index}`)

async function timeReading({ at, carried }, streams) {
  const { page, leave } = await openPage(at)
  const wall = await page.evaluate((task) => window.bench.read(task), {
    carried,
    paths: pathsOf('read', streams).map((path) => [path, begins[path]]),
    count: total / streams,
  })
  await leave()
  return wall
}

async function timeDelays({ at, carried }, streams) {
  const { page, leave } = await openPage(at)
  await page.evaluate((task) => window.bench.listen(task), { carried, paths: pathsOf('live', streams) })
  for (let tick = 0; tick < TICKS; tick++) {
    mock
      .feed(`/live/${streams}/${tick % streams}`)
      .send({ type: 'tick', data: { at: performance.timeOrigin + performance.now() } })
    await new Promise((resolve) => setTimeout(resolve, PACE))
  }
  await page.waitForFunction((count) => window.bench.heard().length === count, TICKS)
  const delays = await page.evaluate(() => window.bench.heard())
  await leave()
  return median(delays)
}

/** On six connections the others would wait for ever. */
const starves = ({ at, carried }, streams) => at === 'http1' && !carried && streams > 6

const rows = []
for (const streams of sizes) {
  const walls = new Map(transports.map((transport) => [transport, []]))
  const delays = new Map(transports.map((transport) => [transport, []]))
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 ? transports : transports.toReversed()
    for (const transport of order) {
      walls.get(transport).push(await timeReading(transport, streams))
      if (!starves(transport, streams)) delays.get(transport).push(await timeDelays(transport, streams))
    }
  }
  for (const transport of transports) {
    const [own, base] = [walls.get(transport), walls.get(baseline)]
    const ratio = median(own.map((wall, round) => base[round] / wall))
    const delay = delays.get(transport).length
      ? `${median(delays.get(transport)).toFixed(2)} ms`
      : '6 run, the others wait'
    rows.push({ streams, name: transport.name, throughput: ratio, rate: total / median(own), delay })
    console.log(
      `${String(streams).padStart(3)}  ${transport.name.padEnd(28)} ${ratio.toFixed(2)}  ${Math.round(total / median(own))} events/ms  ${delay}`,
    )
  }
}
const version = browser.version()
await browser.close()
close()

if (!values.dry) {
  const table = rows.map(
    ({ streams, name, throughput, rate, delay }) =>
      `| ${streams} | ${name} | ${throughput.toFixed(2)} | ${rate.toFixed(0)} | ${delay} |`,
  )
  await writeSection(
    'Many streams of one page',
    `
Written by \`node bench/multiplex/run.mjs\`. Chromium ${version}, headless, on ${cpus()[0].model.trim()}. ${total.toLocaleString('en')} events of about 300 bytes,
shared out among the streams, all checked; uncompressed, over loopback, from one handler for all transports (HTTP/2 with TLS, as browsers want it).
Throughput: medians of ${rounds} interleaved rounds, each a ratio to a connection each over HTTP/1.1 in the same round (= 1.00; more is better), with
the pages' own opening of streams. Where more than six streams want a connection each, these are read one after another as others end.
\`window\` is 256 KiB where nothing else is said: one stream alone gets no more of it than that per round trip of an operation.
Delay: median of ${TICKS} events, one each ${PACE} ms, from sending to the listener.

| streams | transport | throughput | events per ms | delay |
| ---: | --- | ---: | ---: | ---: |
${table.join('\n')}
`,
  )
}
