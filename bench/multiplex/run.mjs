/**
 * `node bench/multiplex/run.mjs`: measures streams of one page over separate connections, over one channel and over HTTP/2, and
 * writes their section of RESULTS.md.
 *
 * --rounds 5   --events 30000   --streams 1,10,100   --baseline DIR (another checkout with a built `dist`)   --dry (writes nothing)
 */
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { chromium } from 'playwright'
import { browserArgs, findBrowser } from '../../scripts/browser.mjs'
import { openBaseline } from '../baseline.mjs'
import { writeSection } from '../results.mjs'
import { median } from '../statistics.mjs'
import { startServers } from './server.mjs'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    events: { type: 'string', default: '30000' },
    streams: { type: 'string', default: '1,10,100' },
    baseline: { type: 'string' },
    dry: { type: 'boolean', default: false },
  },
})
const [rounds, total] = [Number(values.rounds), Number(values.events)]
/** Number of events whose delay is measured. */
const TICKS = 200
/** Time between two of these events. */
const TICK_INTERVAL_MS = 5
const padding = 'x'.repeat(240)

const baseline = values.baseline === undefined ? undefined : openBaseline(values.baseline)
const { mock, urls, close } = await startServers({ baselineDir: baseline?.dir })
const ownTransports = [
  { name: 'separate connections, HTTP/1.1', protocol: 'http1', window: 0 },
  { name: 'one channel, HTTP/1.1', protocol: 'http1', window: 0x40000 },
  { name: 'one channel, window of 4 MiB', protocol: 'http1', window: 0x400000 },
  ...(urls.http2
    ? [
        { name: 'streams of one connection, HTTP/2', protocol: 'http2', window: 0 },
        { name: 'one channel, HTTP/2', protocol: 'http2', window: 0x40000 },
      ]
    : []),
]
const [reference] = ownTransports
/** Each transport, followed by the same with the baseline's build. */
const transports = ownTransports.flatMap((transport) =>
  baseline ? [transport, { ...transport, name: `${transport.name} (baseline)`, baselineOf: transport }] : [transport],
)
const sizes = values.streams.split(',').map(Number)
const executablePath = findBrowser()
const browser = await chromium.launch({ args: browserArgs, ...(executablePath && { executablePath }) })

/** Opens a new page with page.mjs as `window.bench`. */
async function openPage({ protocol, baselineOf }) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true })
  const page = await context.newPage()
  await page.goto(`${urls[protocol]}${baselineOf ? '/baseline' : '/'}`)
  await page.addScriptTag({ type: 'module', content: 'import * as bench from "/bench/page.mjs"; window.bench = bench' })
  await page.waitForFunction(() => 'bench' in window)
  return { page, closePage: () => context.close() }
}

/** By path, the event ID after which the stream is read: the ID of the event before the measured ones. */
const initialIds = {}
for (const streams of sizes) {
  for (let index = 0; index < streams; index++) {
    const feed = mock.feed(`/read/${streams}/${index}`)
    mock.feed(`/live/${streams}/${index}`)
    initialIds[`/read/${streams}/${index}`] = feed.send({ type: 'begin', data: 0 })
    for (let row = 0; row < total / streams; row++) feed.send({ type: 'row', data: { index: row, padding } })
  }
}
const pathsOf = (kind, streams) => Array.from({ length: streams }, (_, index) => `/${kind}/${streams}/${index}`)

async function timeReading(transport, streams) {
  const { page, closePage } = await openPage(transport)
  const wall = await page.evaluate((task) => globalThis.bench.read(task), {
    window: transport.window,
    paths: pathsOf('read', streams).map((path) => [path, initialIds[path]]),
    count: total / streams,
  })
  await closePage()
  return wall
}

async function timeDelays(transport, streams) {
  const { page, closePage } = await openPage(transport)
  await page.evaluate((task) => globalThis.bench.listen(task), {
    window: transport.window,
    paths: pathsOf('live', streams),
  })
  for (let tick = 0; tick < TICKS; tick++) {
    mock
      .feed(`/live/${streams}/${tick % streams}`)
      .send({ type: 'tick', data: { at: performance.timeOrigin + performance.now() } })
    await new Promise((resolve) => setTimeout(resolve, TICK_INTERVAL_MS))
  }
  await page.waitForFunction((count) => globalThis.bench.receivedDelays().length === count, TICKS)
  const delays = await page.evaluate(() => globalThis.bench.receivedDelays())
  await closePage()
  return median(delays)
}

/** Whether some streams never get a connection, because the browser opens at most six to a server. */
const starves = ({ protocol, window }, streams) => protocol === 'http1' && !window && streams > 6

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
    const [own, base] = [walls.get(transport), walls.get(reference)]
    const ratio = median(own.map((wall, round) => base[round] / wall))
    const delay = delays.get(transport).length
      ? `${median(delays.get(transport)).toFixed(2)} ms`
      : '6 open, the others wait'
    const pair = baseline && walls.get(transports.find(({ baselineOf }) => baselineOf === transport))
    const change = pair ? median(own.map((wall, round) => pair[round] / wall)).toFixed(2) : ''
    rows.push({ streams, name: transport.name, throughput: ratio, rate: total / median(own), delay, change })
    console.log(
      `${String(streams).padStart(3)}  ${transport.name.padEnd(28)} ${ratio.toFixed(2)}  ${Math.round(total / median(own))} events/ms  ${delay}${change && `  ${change} of the baseline's`}`,
    )
  }
}
const version = browser.version()
await browser.close()
close()

if (!values.dry) {
  const table = rows.map(
    ({ streams, name, throughput, rate, delay, change }) =>
      `| ${streams} | ${name} | ${throughput.toFixed(2)} | ${rate.toFixed(0)} | ${delay} |${baseline ? ` ${change} |` : ''}`,
  )
  await writeSection(
    'Many streams of one page',
    `
Written by \`node bench/multiplex/run.mjs\`. Chromium ${version}, headless, on ${cpus()[0].model.trim()}. ${total.toLocaleString('en')} events of about 300 bytes,
distributed over the streams, all checked; uncompressed, over loopback, from one handler for all transports (HTTP/2 with TLS, as browsers require).
Throughput is the median of ${rounds} interleaved rounds, each a ratio to separate connections over HTTP/1.1 in the same round (= 1.00; higher is better),
including the opening of the streams. If more than six streams need separate connections, the rest are read as earlier ones end.
\`window\` is 256 KiB unless stated otherwise: a single stream receives no more than that per round trip of an operation.
Delay is the median of ${TICKS} events, one every ${TICK_INTERVAL_MS} ms, from sending to the listener.
${baseline ? `The baseline is Rivulet ${baseline.version}; "to baseline" is the throughput as a ratio to its own in the same round.\n` : ''}
| streams | transport | throughput | events per ms | delay |${baseline ? ' to baseline |' : ''}
| ---: | --- | ---: | ---: | ---: |${baseline ? ' ---: |' : ''}
${table.join('\n')}
`,
  )
}
