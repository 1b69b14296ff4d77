/**
 * Measures the time and the memory that one event takes in chunks of 1 KiB, for 4 MiB and for 16 MiB: the time must
 * grow linearly with the size. Run `node --expose-gc bench/one-event.mjs`.
 */
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { rollup } from 'rollup'
import { typescript } from './build.mjs'
import { writeSection } from './results.mjs'
import { median } from './statistics.mjs'

const MiB = 1 << 20
const ROUNDS = 9

/** Runs the measurement in its own process, with `gc()` exposed. */
export function runOneEvent({ dry = false } = {}) {
  spawnSync(process.execPath, ['--expose-gc', fileURLToPath(import.meta.url), ...(dry ? ['--dry'] : [])], {
    stdio: 'inherit',
  })
}

async function buildParser() {
  const folder = await mkdtemp(join(tmpdir(), 'rivulet-'))
  const bundle = await rollup({
    input: fileURLToPath(new URL('../src/sse/parse.ts', import.meta.url)),
    plugins: [typescript],
  })
  await bundle.write({ file: join(folder, 'parse.mjs'), format: 'es' })
  const { createBlockParser } = await import(pathToFileURL(join(folder, 'parse.mjs')).href)
  await rm(folder, { recursive: true })
  return createBlockParser
}

const heldBytes = () => {
  const { heapUsed, external, arrayBuffers } = process.memoryUsage()
  return heapUsed + external + arrayBuffers
}

/**
 * Pushes `chunk` repeatedly until the event has `size` bytes or is too large. Returns the CPU milliseconds per event, as the mean
 * over `events`, and the peak memory, excluding garbage if `collect` is set.
 */
function read(createBlockParser, { size, chunk, maxEventSize, collect, events = 1 }) {
  globalThis.gc()
  const initialBytes = heldBytes()
  let peak = 0
  let length
  const parser = createBlockParser({ onBlock: ({ data }) => (length = data.length), maxEventSize })
  const { user, system } = process.cpuUsage()
  try {
    for (let event = 0; event < events; event++) {
      parser.push(new TextEncoder().encode('data: '))
      for (let pushed = 0; pushed < size; pushed += chunk.length) {
        parser.push(chunk)
        if (pushed % (MiB / 2) >= chunk.length) continue
        if (collect) globalThis.gc()
        peak = Math.max(peak, heldBytes() - initialBytes)
      }
      parser.push('\n\n')
      if (!collect && length !== size) throw new Error(`Parsed an event of ${length} bytes instead of ${size}`)
    }
  } catch (error) {
    if (error.code !== 'too-large') throw error
  }
  const used = process.cpuUsage({ user, system })
  return { ms: (used.user + used.system) / 1000 / events, peak: Math.max(peak, heldBytes() - initialBytes) }
}

async function measure(dry) {
  const createBlockParser = await buildParser()
  const letters = new Uint8Array(1024).fill(0x61)
  const event = (size, events) => read(createBlockParser, { size, chunk: letters, maxEventSize: 2 * size, events })
  for (let round = 0; round < 3; round++) event(4 * MiB)
  // Four small events create as much garbage as one large event, so garbage collection affects both times similarly.
  // The machine's speed drifts, so a ratio is computed for each round, and the median of these ratios is reported.
  const rounds = Array.from({ length: ROUNDS }, () => ({ small: event(4 * MiB, 4), large: event(16 * MiB) }))
  const ratio = median(rounds.map(({ small, large }) => large.ms / small.ms))
  const [small, large] = ['small', 'large'].map((name) => median(rounds.map((round) => round[name].ms)))
  const peak = Math.max(...rounds.map((round) => round.large.peak)) / (16 * MiB)
  const line = read(createBlockParser, { size: 64 * MiB, chunk: letters, collect: true })
  const lines = read(createBlockParser, {
    size: 128 * MiB,
    chunk: new TextEncoder().encode('data\n'.repeat(13_000)),
    collect: true,
  })
  const describeTarget = (value, target) => `the target is ${target}${value > target ? ', **missed**' : ''}`
  const text = `
- an event of 4 MiB: ${small.toFixed(0)} ms; of 16 MiB: ${large.toFixed(0)} ms, ${ratio.toFixed(1)} times as long (4.0 is linear; ${describeTarget(ratio, 4.5)})
- memory for the latter: at most ${peak.toFixed(1)} times the event; ${describeTarget(peak, 4)}
- a line of 64 MiB, which exceeds the default limit of 16 MiB: at most ${(line.peak / MiB).toFixed(0)} MiB live at a time
- endless empty \`data\` lines, which also exceed the limit: at most ${(lines.peak / MiB).toFixed(0)} MiB
`
  console.log(text)
  if (dry) return
  await writeSection(
    'One large event, measured',
    `
Written by \`npm run bench\` (see one-event.mjs). Node ${process.version}, chunks of 1 KiB, medians of ${ROUNDS} rounds of four events of 4 MiB and one of 16.
CPU time and memory include the garbage collector's.
${text}`,
  )
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await measure(process.argv.includes('--dry'))
