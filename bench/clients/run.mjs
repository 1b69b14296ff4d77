/**
 * `node bench/clients/run.mjs`: builds the clients, measures the scenarios in Chromium, and writes their sections of RESULTS.md.
 *
 * --scenarios events,run,feeds,open,heap   --clients a,b   --rounds 7   --scale 0.1 (a tenth of the work)
 * --baseline DIR (another checkout with a built `dist`)   --dry (writes nothing)
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { chromium } from 'playwright'
import { browserArgs, findBrowser } from '../../scripts/browser.mjs'
import { MissingEntry, isRivulet, labelOf, openBaseline, withBaseline } from '../baseline.mjs'
import { buildClient, clientNames } from './build.mjs'
import { benchScenario, reference } from './measure.mjs'
import { reportClients, reportScenarios, scenarioTable, summary } from './report.mjs'
import { scenarios } from './scenarios.mjs'

const flags = [
  ...browserArgs,
  '--site-per-process',
  '--disable-renderer-backgrounding',
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
]

/** Starts the server in a process of its own, so that it shares no thread with the harness. */
async function startServer(chosen) {
  const sizes = Object.fromEntries(chosen.map(({ name, size }) => [name, size]))
  const child = fork(fileURLToPath(new URL('server.mjs', import.meta.url)), [JSON.stringify(sizes)])
  // Without its server, a client would reconnect forever.
  child.once('exit', (code) => {
    throw new Error(`The server exited with code ${code}`)
  })
  const [address] = await once(child, 'message')
  const close = () => {
    child.removeAllListeners('exit')
    child.disconnect()
  }
  return { ...address, close }
}

/** Builds the clients of a scenario, each of Rivulet followed by its baseline; resolves with the names of those built. */
async function buildClients(scenario, wanted, baseline, log) {
  const names = (scenario.clients ?? (await clientNames(scenario.folder))).filter(
    (name) => name === reference || !wanted || wanted.includes(name),
  )
  const built = []
  for (const name of names.flatMap((name) => (baseline && isRivulet(name) ? [name, withBaseline(name)] : [name]))) {
    try {
      await buildClient(scenario, name, baseline?.dir)
      built.push(name)
    } catch (error) {
      // Rollup wraps the errors of plugins.
      if (!(error instanceof MissingEntry) && !(error.cause instanceof MissingEntry)) throw error
      log(`  ${labelOf(name)} is skipped: ${error.message}`)
    }
  }
  return built
}

/** Returns the scenarios with these names, or all; their sizes are multiplied by `scale`. */
function chooseScenarios(names = Object.keys(scenarios), scale = 1) {
  return names.map((name) => {
    const scenario = scenarios[name]
    if (!scenario) throw new Error(`Unknown scenario ${name}; there are ${Object.keys(scenarios).join(', ')}`)
    return { name, ...scenario, size: Math.max(1, Math.round(scenario.size * scale)) }
  })
}

/** Measures the scenarios, by default all with all clients. A selection writes nothing, because its tables would lack rows. */
export async function runClients({ only, names, scale, rounds = 7, baseline, dry = false, log = console.log } = {}) {
  const chosen = chooseScenarios(only, scale)
  const server = await startServer(chosen)
  const executablePath = findBrowser()
  const browser = await chromium.launch({ ...(executablePath && { executablePath }), args: flags })
  const version = `Chromium ${browser.version()}`
  const results = []
  try {
    for (const scenario of chosen) {
      log(`${scenario.title(scenario)}; ${reference} = 1.00`)
      if (!server.urls[scenario.protocol]) {
        log('  The scenario is skipped: HTTP/2 needs OpenSSL for its certificate')
        continue
      }
      const built = await buildClients(scenario, names, baseline, log)
      const clients = await benchScenario({ browser, server, scenario, log }, built, rounds)
      results.push({ scenario, clients, rounds })
    }
  } finally {
    await browser.close()
    server.close()
  }
  for (const line of results.map(({ clients }) => summary(clients)).filter(Boolean)) log(line)
  log(scenarioTable(results))
  if (dry) return
  if (only || names || scale) {
    log('Nothing is written, because only a part was measured')
    return
  }
  for (const result of results.filter(({ scenario }) => scenario.name === 'events'))
    await reportClients(result, { version, streamBytes: server.size })
  await reportScenarios(results, { version, baseline })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      scenarios: { type: 'string' },
      clients: { type: 'string' },
      rounds: { type: 'string', default: '7' },
      scale: { type: 'string' },
      baseline: { type: 'string' },
      dry: { type: 'boolean', default: false },
    },
  })
  const list = (text) => text?.split(',').map((item) => item.trim())
  await runClients({
    only: list(values.scenarios),
    names: list(values.clients),
    rounds: Number(values.rounds),
    dry: values.dry,
    ...(values.scale && { scale: Number(values.scale) }),
    ...(values.baseline && { baseline: openBaseline(values.baseline) }),
  })
}
