/** `node --expose-gc bench/one-event.mjs`: one event in chunks of 1 KiB, 4 and 16 MiB: is the time linear, what memory does it need? */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { rollup } from 'rollup'
import { typescript } from './build.mjs'
import { median } from './statistics.mjs'

const MiB = 1 << 20
const folder = await mkdtemp(join(tmpdir(), 'rivulet-'))
const bundle = await rollup({ input: new URL('../src/wire/parse.ts', import.meta.url).pathname, plugins: [typescript] })
await bundle.write({ file: join(folder, 'parse.mjs'), format: 'es' })
const { createParser } = await import(pathToFileURL(join(folder, 'parse.mjs')).href)
await rm(folder, { recursive: true })

const chunk = new Uint8Array(1024).fill(0x61)
const memory = () => {
  const { heapUsed, external, arrayBuffers } = process.memoryUsage()
  return heapUsed + external + arrayBuffers
}

/** CPU milliseconds, and the most memory held at a time, for an event of `size` bytes; or for a line that never ends. */
function read(size, line = false) {
  globalThis.gc?.()
  const before = memory()
  let peak = 0
  let length
  const parser = createParser({ onBlock: ({ data }) => (length = data.length), maxEventSize: line ? undefined : 2 * size })
  const { user, system } = process.cpuUsage()
  try {
    parser.push(new TextEncoder().encode('data: '))
    for (let n = 0; n < size; n += 1024) {
      parser.push(chunk)
      if (n % MiB === 0) peak = Math.max(peak, memory() - before)
    }
    parser.push('\n\n')
    if (length !== size) throw new Error(`Event of ${length} bytes, not ${size}`)
  } catch (error) {
    if (error.code !== 'too-large') throw error
  }
  const used = process.cpuUsage({ user, system })
  return { ms: (used.user + used.system) / 1000, peak: Math.max(peak, memory() - before) / size }
}

for (let i = 0; i < 3; i++) read(4 * MiB)
const runs = (size, line) => {
  const results = Array.from({ length: 7 }, () => read(size, line))
  return { ms: median(results.map(({ ms }) => ms)), peak: Math.max(...results.map(({ peak }) => peak)) }
}
const small = runs(4 * MiB)
const large = runs(16 * MiB)
const endless = runs(64 * MiB, true)
console.log(`4 MiB: ${small.ms.toFixed(0)} ms; 16 MiB: ${large.ms.toFixed(0)} ms, ${(large.ms / small.ms).toFixed(1)} times as long (4.0 is linear)`)
console.log(`memory at most ${large.peak.toFixed(1)} times the event`)
console.log(`a line of 64 MiB under the default limit: ${(endless.peak * 64).toFixed(0)} MiB at most`)
