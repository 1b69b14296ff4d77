/** `npm run soak`: a long feed over many connections in Node and in Chromium, and a table of what it costs. */
import { parseArgs } from 'node:util'
import { browserArgs, findBrowser } from '../../scripts/browser.mjs'
import { LOOKS, NOISE, type Look, type Outcome, type Plan, growthOf } from './plan.ts'
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
if (!(plan.events % LOOKS === 0 && plan.reconnects > 0))
  throw new TypeError(`--events is a multiple of ${LOOKS}, --reconnects is positive`)

const mebibytes = (bytes: number): string => (bytes / 0x100000).toFixed(2)

/** Prints a line at each look. */
function createLooker(): (look: Look) => void {
  let tenth = 0
  return ({ heap, platform, listeners, timers }) => {
    tenth++
    const size = (bytes: number | undefined): string => (bytes === undefined ? '–' : `${mebibytes(bytes)} MiB`)
    const cells = [((plan.events / LOOKS) * tenth).toLocaleString('en'), size(heap), size(platform), listeners, timers]
    console.log(cells.map((cell) => String(cell).padStart(12)).join(''))
  }
}

/** What is not as it should be, in words. */
function complaintsOf({ counts, leftovers, looks, requests }: Outcome): string[] {
  const { received, lost, repeated, waits } = counts
  const complaints = Object.entries(leftovers)
    .filter(([, count]) => count !== 0)
    .map(([what, count]) => `${what}: ${count} left`)
  if (received !== plan.events || lost > 0 || repeated > 0)
    complaints.push(`${received} received, ${lost} lost, ${repeated} repeated`)
  if (waits < plan.reconnects) complaints.push(`only ${waits} reconnects`)
  if (requests !== waits + 1) complaints.push(`${requests} requests for ${waits + 1} connections`)
  if (growthOf(looks) > NOISE) complaints.push(`the heap grew by ${mebibytes(growthOf(looks))} MiB`)
  return complaints
}

const executablePath = findBrowser()
const soaks: Record<string, (onLook: (look: Look) => void) => Promise<Outcome>> = {
  node: (onLook) => soakNode(folder, root, plan, onLook),
  chromium: (onLook) =>
    soakChromium(folder, root, plan, { args: browserArgs, ...(executablePath && { executablePath }) }, onLook),
}
for (const [name, soak] of Object.entries(soaks)) {
  if (values.only && values.only !== name) continue
  console.log(
    `\n${name}: ${plan.events.toLocaleString('en')} events, ${plan.reconnects.toLocaleString('en')} connections reset under way\n`,
  )
  console.log(['events', 'heap', 'platform', 'listeners', 'timers'].map((head) => head.padStart(12)).join(''))
  const outcome = await soak(createLooker())
  const { counts, leftovers, looks, requests, runtime, seconds } = outcome
  console.log(`\n  ${runtime}, ${seconds.toFixed(0)} s; ${requests} requests, ${counts.waits} reconnects`)
  console.log(
    `  received ${counts.received}, lost ${counts.lost}, repeated ${counts.repeated}; heap grew by ${mebibytes(growthOf(looks))} MiB`,
  )
  console.log(
    `  left: ${Object.entries(leftovers)
      .map(([what, count]) => `${what} ${count}`)
      .join(', ')}`,
  )
  for (const complaint of complaintsOf(outcome)) {
    console.error(`✗ ${complaint}`)
    process.exitCode = 1
  }
}
