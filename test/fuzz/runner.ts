/** The long run: every property in turn, round after round, until the time is over; `run.mjs` starts it. */
import { parseArgs } from 'node:util'
import * as fc from 'fast-check'
import { memoryTasks } from './memory.ts'
import { tasks } from './tasks.ts'

const MEBIBYTE = 0x100000
/** Time for making a failing case small, and for one case that waits for what never comes, in milliseconds. */
const SHRINKING = 20_000
const WAITING = 10_000

/** The part of the time that the endless streams may take. */
const MEMORY_SHARE = 0.3

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string' },
    only: { type: 'string', default: '' },
    path: { type: 'string' },
  },
})
const seconds = Number(options.seconds)
const base = options.seed === undefined ? Math.trunc(Math.random() * 0x7fffffff) : Number(options.seed)
if (!(seconds > 0) || !Number.isInteger(base)) throw new TypeError('--seconds and --seed: must be numbers')
const chosen = tasks.filter(({ name }) => name.startsWith(options.only))
const chosenMemory = memoryTasks.filter(({ name }) => name.startsWith(options.only))
if (chosen.length + chosenMemory.length === 0) {
  const names = tasks.map(({ name }) => name).join(', ')
  throw new TypeError(`--only: nothing begins with ${options.only}; there are ${names}, memory`)
}

const deadline = performance.now() + seconds * 1000
const inTime = (): boolean => performance.now() < deadline
const failures: string[] = []
const executions = new Map<string, number>()
const command = (name: string, more: string): string => `npm run fuzz -- --only ${name}${more}`

/** Tells the parent what is under way, so that it can say so if this process hangs or dies of it. */
const announce = (replay: string): void => void process.send?.({ replay })

function report(name: string, message: string, replay: string): void {
  failures.push(name)
  console.log(`\n✗ ${name}\n${message}\n  replay: ${replay}\n`)
}

/** A round of one property; false where it failed. */
async function check(
  { name, runs, check: checkTask }: (typeof tasks)[number],
  seed: number,
  path?: string,
): Promise<boolean> {
  announce(command(name, ` --seed=${seed}`))
  const details = await checkTask({
    seed,
    numRuns: runs,
    interruptAfterTimeLimit: SHRINKING,
    timeout: WAITING,
    ...(path !== undefined && { path }),
  })
  executions.set(name, (executions.get(name) ?? 0) + details.numRuns + details.numShrinks)
  if (!details.failed) return true
  const { counterexample, counterexamplePath, numShrinks, errorInstance } = details
  const input = fc.stringify(counterexample)
  const error = errorInstance instanceof Error ? errorInstance.stack : String(errorInstance)
  report(
    name,
    `  input, shrunk ${numShrinks} times: ${input.length > 4000 ? `${input.slice(0, 4000)} …` : input}\n${error}`,
    command(name, ` --seed=${seed} --path ${counterexamplePath}`),
  )
  return false
}

let measured = 0
let growth = 0

/** The next endless streams, while there is time for them; each is read once in a run. */
async function measureMemory(until: number): Promise<void> {
  for (const { name, run } of chosenMemory.slice(measured)) {
    if (performance.now() > until) break
    announce(command(name, ''))
    try {
      growth = Math.max(growth, await run())
    } catch (error) {
      report(name, `  ${error instanceof Error ? error.message : String(error)}`, command(name, ''))
    }
    measured++
  }
}

console.log(`seed ${base}, ${seconds} s`)
if (options.path !== undefined) {
  for (const one of chosen) await check(one, base, options.path)
} else {
  let left = chosen
  let start = performance.now()
  // The first round has the seed itself, so that a seed and a name are enough to come back to a round.
  for (let round = 0; inTime() && left.length > 0; round++) {
    const seed = (base + Math.imul(round, 0x9e3779b1)) | 0
    for (const one of left) {
      if (!inTime()) break
      // One that failed has been told, and would fail again and again.
      if (!(await check(one, seed))) left = left.filter((other) => other !== one)
    }
    const now = performance.now()
    await measureMemory(Math.min(deadline, now + (now - start) * MEMORY_SHARE))
    start = performance.now()
  }
  if (left.length === 0) await measureMemory(deadline)
}

for (const [name, count] of executions) console.log(`${String(count).padStart(10)}  ${name}`)
if (chosenMemory.length) {
  const streams = `${measured} of ${chosenMemory.length} endless streams`
  console.log(`memory grew by ${(growth / MEBIBYTE).toFixed(1)} MiB at most in ${streams}`)
}
const total = [...executions.values()].reduce((sum, count) => sum + count, 0)
console.log(`${String(total).padStart(10)}  in all, ${failures.length} failed`)
process.send?.({ finished: true })
if (failures.length > 0) process.exitCode = 1
