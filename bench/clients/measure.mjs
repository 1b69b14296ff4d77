/** Measures the clients of one scenario in interleaved rounds, each run in a fresh page; reports ratios to the reference. */
import { setTimeout as sleep } from 'node:timers/promises'
import { adapterOf, isBaseline, labelOf, withBaseline } from '../baseline.mjs'
import { median, quartiles } from '../statistics.mjs'
import { openPage } from './page.mjs'

/** The client whose ratio is 1.00 in every scenario. */
export const reference = 'eventsource-parser'
/** Clients slower than the reference by this factor are measured only once, because their exact ratio does not matter. */
const SLOW_FACTOR = 5
/** Time between two memory samples. */
const SAMPLE_INTERVAL_MS = 20
const MiB = 1 << 20

/** Runs the scenario once with one client; resolves with its figure, or `undefined` if its build cannot be measured. */
async function measureOnce({ browser, server, scenario, log }, name, samplesMemory = false) {
  const page = await openPage(browser, server.urls[scenario.protocol], `${scenario.folder}/${name}`)
  try {
    if (page.obstacle) {
      log(`  ${labelOf(name)} is skipped: ${page.obstacle}`)
      return undefined
    }
    const measure = () => scenario.measure(page, { size: scenario.size, expected: server.expected })
    return samplesMemory ? { peak: await samplePeak(page, measure) } : await measure()
  } catch (error) {
    throw new Error(`${labelOf(name)}: ${error.message}`, { cause: error })
  } finally {
    await page.close()
  }
}

/** Samples the memory meanwhile, which distorts times. Resolves with the peak in MiB. */
async function samplePeak(page, measure) {
  const atRest = await page.heldBytes()
  const running = measure().then(() => true)
  let peak = 0
  for (let done = false; !done;) {
    done = await Promise.race([running, sleep(SAMPLE_INTERVAL_MS, false)])
    peak = Math.max(peak, (await page.heldBytes()) - atRest)
  }
  return peak / MiB
}

/** Summarizes the rounds of one client. `paired` compares with the baseline's build in the same rounds. */
function summarize(name, runs) {
  const own = runs.get(name)
  const base = isBaseline(name) ? undefined : runs.get(withBaseline(name))
  const changes = base?.rounds.map(({ figure }, round) => own.rounds[round].figure / figure)
  const middle = (key) => median(own.rounds.map((run) => run[key]))
  return {
    ratio: middle('ratio'),
    spread: quartiles(own.rounds.map(({ ratio }) => ratio)),
    figure: middle('figure'),
    wall: middle('wall'),
    peak: own.peak,
    runs: own.rounds.length,
    paired: changes && { change: median(changes), spread: quartiles(changes) },
  }
}

/** @returns {Promise<Record<string, ReturnType<typeof summarize>>>} the figures of each client that could be measured */
export async function benchScenario(context, chosen, rounds) {
  const { scenario, log } = context
  const runs = new Map(chosen.map((name) => [name, { rounds: [] }]))
  // A first round without times warms up what all clients share: disk, server and network service.
  for (const name of scenario.samplesMemory ? chosen : [reference]) {
    const result = await measureOnce(context, name, scenario.samplesMemory)
    if (!result) runs.delete(name)
    else if (scenario.samplesMemory) {
      runs.get(name).peak = result.peak
      log(`  ${labelOf(name).padEnd(36)} ${result.peak.toFixed(1)} MiB`)
    }
  }
  // The machine's speed drifts, so a ratio is computed for each round, and the median of these ratios is reported.
  for (let round = 0; round < rounds; round++) {
    const results = new Map()
    for (const name of round % 2 ? [...runs.keys()].reverse() : [...runs.keys()]) {
      // A baseline is measured as often as the current build, to be paired with it.
      const [first] = (runs.get(adapterOf(name)) ?? runs.get(name)).rounds
      if (first && first.figure >= SLOW_FACTOR * runs.get(reference).rounds[0].figure) continue
      const result = await measureOnce(context, name)
      if (result) results.set(name, result)
      else runs.delete(name)
    }
    for (const [name, result] of results)
      runs.get(name).rounds.push({ ...result, ratio: result.figure / results.get(reference).figure })
    log(
      `  round ${round + 1}: ${[...results].map(([name, { figure }]) => `${labelOf(name)} ${figure.toFixed(1)}`).join('  ')}`,
    )
  }
  return Object.fromEntries([...runs.keys()].map((name) => [name, summarize(name, runs)]))
}
