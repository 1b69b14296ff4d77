/** `npm run soak`: reads a long feed over many connections in Node and in Chromium, and prints memory and leftovers. */
import { parseArgs } from 'node:util'
import { browserArgs, findBrowser } from '../../scripts/browser.mjs'
import { SAMPLE_COUNT, HEAP_NOISE_BYTES, type HeapSample, type SoakResult, type Plan, heapGrowth } from './plan.ts'
import { soakChromium } from './soak-chromium.ts'
import { soakNode } from './soak-node.ts'

const [, , folder = '', root = '', ...args] = process.argv
const { values } = parseArgs({
  args,
  options: {
    events: { type: 'string', default: '2000000' },
    reconnects: { type: 'string', default: '2000' },
    only: { type: 'string' },
  },
})
const plan: Plan = { events: Number(values.events), reconnects: Number(values.reconnects) }
if (!(plan.events % SAMPLE_COUNT === 0 && plan.reconnects > 0))
  throw new TypeError(`--events must be a multiple of ${SAMPLE_COUNT}, and --reconnects must be positive`)

const mebibytes = (bytes: number): string => (bytes / 0x100000).toFixed(2)

/** Creates a function that prints a table row for each sample. */
function createSamplePrinter(): (sample: HeapSample) => void {
  let sampleCount = 0
  return ({ heapBytes, platformBytes, listeners, timers }) => {
    sampleCount++
    const size = (bytes: number | undefined): string => (bytes === undefined ? '–' : `${mebibytes(bytes)} MiB`)
    const cells = [
      ((plan.events / SAMPLE_COUNT) * sampleCount).toLocaleString('en'),
      size(heapBytes),
      size(platformBytes),
      listeners,
      timers,
    ]
    console.log(cells.map((cell) => String(cell).padStart(12)).join(''))
  }
}

/** Returns a description of each expectation that the result does not meet. */
function findProblems({ counts, leftovers, samples, requests }: SoakResult): string[] {
  const { received, lost, repeated, reconnects } = counts
  const problems = Object.entries(leftovers)
    .filter(([, count]) => count !== 0)
    .map(([name, count]) => `${name}: ${count} left`)
  if (received !== plan.events || lost > 0 || repeated > 0)
    problems.push(`${received} received, ${lost} lost, ${repeated} repeated`)
  if (reconnects < plan.reconnects) problems.push(`only ${reconnects} reconnects`)
  if (requests !== reconnects + 1) problems.push(`${requests} requests for ${reconnects + 1} connections`)
  if (heapGrowth(samples) > HEAP_NOISE_BYTES) problems.push(`the heap grew by ${mebibytes(heapGrowth(samples))} MiB`)
  return problems
}

const executablePath = findBrowser()
const soaks: Record<string, (onSample: (sample: HeapSample) => void) => Promise<SoakResult>> = {
  node: (onSample) => soakNode(folder, root, plan, onSample),
  chromium: (onSample) =>
    soakChromium(folder, root, plan, { args: browserArgs, ...(executablePath && { executablePath }) }, onSample),
}
for (const [name, soak] of Object.entries(soaks)) {
  if (values.only && values.only !== name) continue
  console.log(
    `\n${name}: ${plan.events.toLocaleString('en')} events, ${plan.reconnects.toLocaleString('en')} connection resets\n`,
  )
  console.log(['events', 'heap', 'platform', 'listeners', 'timers'].map((head) => head.padStart(12)).join(''))
  const result = await soak(createSamplePrinter())
  const { counts, leftovers, samples, requests, runtime, seconds } = result
  console.log(`\n  ${runtime}, ${seconds.toFixed(0)} s; ${requests} requests, ${counts.reconnects} reconnects`)
  console.log(
    `  received ${counts.received}, lost ${counts.lost}, repeated ${counts.repeated}; heap grew by ${mebibytes(heapGrowth(samples))} MiB`,
  )
  console.log(
    `  left: ${Object.entries(leftovers)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')}`,
  )
  for (const problem of findProblems(result)) {
    console.error(`✗ ${problem}`)
    process.exitCode = 1
  }
}
