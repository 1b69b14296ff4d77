/** The long fuzzing run: every property in turn, round after round, until the time is up; started by `run.mjs`. */
import { parseArgs } from 'node:util'
import * as fc from 'fast-check'
import { memoryTasks } from './memory.ts'
import { tasks } from './tasks.ts'

const MEBIBYTE = 0x100000
/** Maximum time for shrinking a failing case. */
const SHRINK_TIMEOUT_MS = 20_000
/** Time after which a case counts as hung. */
const CASE_TIMEOUT_MS = 10_000

/** Time for the endless streams, relative to the time of each round. */
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
if (!(seconds > 0) || !Number.isInteger(baseSeed))
  throw new TypeError('--seconds must be a positive number, and --seed an integer')
const selectedTasks = tasks.filter(({ name }) => name.startsWith(options.only))
const selectedMemoryTasks = memoryTasks.filter(({ name }) => name.startsWith(options.only))
if (selectedTasks.length + selectedMemoryTasks.length === 0) {
  const names = tasks.map(({ name }) => name).join(', ')
  throw new TypeError(`--only: no task starts with ${options.only}; the tasks are ${names}, memory`)
}

const deadlineAt = performance.now() + seconds * 1000
const hasTimeLeft = (): boolean => performance.now() < deadlineAt
const failures: string[] = []
const executions = new Map<string, number>()
const replayCommand = (name: string, args: string): string => `npm run fuzz -- --only ${name}${args}`

/** Sends the current replay command to the parent process, which prints it if this process hangs or dies. */
const sendReplay = (replay: string): void => void process.send?.({ replay })

function report(name: string, message: string, replay: string): void {
  failures.push(name)
  console.log(`\n✗ ${name}\n${message}\n  replay: ${replay}\n`)
}

/** Runs one round of a property; resolves with false if the property failed. */
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

/** Reads the next endless streams until `measureUntil`; each stream is read once per run. */
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

console.log(`fuzzing for ${seconds} s with seed ${baseSeed}`)
if (options.path !== undefined) {
  for (const task of selectedTasks) await runRound(task, baseSeed, options.path)
} else {
  let remainingTasks = selectedTasks
  let start = performance.now()
  // The first round uses the given seed itself, so that any round can be repeated by passing its seed and a task name.
  for (let round = 0; hasTimeLeft() && remainingTasks.length > 0; round++) {
    const seed = (baseSeed + Math.imul(round, 0x9e3779b1)) | 0
    for (const task of remainingTasks) {
      if (!hasTimeLeft()) break
      // A failed property is dropped: it has been reported and would fail again in every round.
      if (!(await runRound(task, seed))) remainingTasks = remainingTasks.filter((other) => other !== task)
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
  console.log(`memory grew by at most ${(maxGrowth / MEBIBYTE).toFixed(1)} MiB in ${streams}`)
}
const total = [...executions.values()].reduce((sum, count) => sum + count, 0)
console.log(`${String(total).padStart(10)}  total, ${failures.length} failed`)
process.send?.({ finished: true })
if (failures.length > 0) process.exitCode = 1
