/** The long run: every property in turn, round after round, until the time is over; `run.mjs` starts it. */
import { parseArgs } from 'node:util'
import * as fc from 'fast-check'
import { memoryTasks } from './memory.ts'
import { tasks } from './tasks.ts'

const MEBIBYTE = 0x100000
/** Time for making a failing case small, and for one case that waits for what never comes, in milliseconds. */
const SHRINK_TIMEOUT_MS = 20_000
const CASE_TIMEOUT_MS = 10_000

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
const baseSeed = options.seed === undefined ? Math.trunc(Math.random() * 0x7fffffff) : Number(options.seed)
if (!(seconds > 0) || !Number.isInteger(baseSeed)) throw new TypeError('--seconds and --seed: must be numbers')
const selectedTasks = tasks.filter(({ name }) => name.startsWith(options.only))
const selectedMemoryTasks = memoryTasks.filter(({ name }) => name.startsWith(options.only))
if (selectedTasks.length + selectedMemoryTasks.length === 0) {
  const names = tasks.map(({ name }) => name).join(', ')
  throw new TypeError(`--only: nothing begins with ${options.only}; there are ${names}, memory`)
}

const deadlineAt = performance.now() + seconds * 1000
const hasTimeLeft = (): boolean => performance.now() < deadlineAt
const failures: string[] = []
const executions = new Map<string, number>()
const replayCommand = (name: string, more: string): string => `npm run fuzz -- --only ${name}${more}`

/** Tells the parent what is under way, so that it can say so if this process hangs or dies of it. */
const sendReplay = (replay: string): void => void process.send?.({ replay })

function report(name: string, message: string, replay: string): void {
  failures.push(name)
  console.log(`\n✗ ${name}\n${message}\n  replay: ${replay}\n`)
}

/** A round of one property; false where it failed. */
async function runRound(
  { name, runs, check: checkTask }: (typeof tasks)[number],
  seed: number,
  path?: string,
): Promise<boolean> {
  sendReplay(replayCommand(name, ` --seed=${seed}`))
  const details = await checkTask({
    seed,
    numRuns: runs,
    interruptAfterTimeLimit: SHRINK_TIMEOUT_MS,
    timeout: CASE_TIMEOUT_MS,
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
    replayCommand(name, ` --seed=${seed} --path ${counterexamplePath}`),
  )
  return false
}

let measuredStreams = 0
let maxGrowth = 0

/** The next endless streams, while there is time for them; each is read once in a run. */
async function measureMemory(measureUntil: number): Promise<void> {
  for (const { name, run } of selectedMemoryTasks.slice(measuredStreams)) {
    if (performance.now() > measureUntil) break
    sendReplay(replayCommand(name, ''))
    try {
      maxGrowth = Math.max(maxGrowth, await run())
    } catch (error) {
      report(name, `  ${error instanceof Error ? error.message : String(error)}`, replayCommand(name, ''))
    }
    measuredStreams++
  }
}

console.log(`seed ${baseSeed}, ${seconds} s`)
if (options.path !== undefined) {
  for (const one of selectedTasks) await runRound(one, baseSeed, options.path)
} else {
  let remainingTasks = selectedTasks
  let start = performance.now()
  // The first round has the seed itself, so that a seed and a name are enough to come back to a round.
  for (let round = 0; hasTimeLeft() && remainingTasks.length > 0; round++) {
    const seed = (baseSeed + Math.imul(round, 0x9e3779b1)) | 0
    for (const one of remainingTasks) {
      if (!hasTimeLeft()) break
      // One that failed has been told, and would fail again and again.
      if (!(await runRound(one, seed))) remainingTasks = remainingTasks.filter((other) => other !== one)
    }
    const now = performance.now()
    await measureMemory(Math.min(deadlineAt, now + (now - start) * MEMORY_SHARE))
    start = performance.now()
  }
  if (remainingTasks.length === 0) await measureMemory(deadlineAt)
}

for (const [name, count] of executions) console.log(`${String(count).padStart(10)}  ${name}`)
if (selectedMemoryTasks.length) {
  const streams = `${measuredStreams} of ${selectedMemoryTasks.length} endless streams`
  console.log(`memory grew by ${(maxGrowth / MEBIBYTE).toFixed(1)} MiB at most in ${streams}`)
}
const total = [...executions.values()].reduce((sum, count) => sum + count, 0)
console.log(`${String(total).padStart(10)}  in all, ${failures.length} failed`)
process.send?.({ finished: true })
if (failures.length > 0) process.exitCode = 1
