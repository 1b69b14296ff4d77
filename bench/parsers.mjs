/** Benchmarks parsers: every adapter on every corpus and chunking, in interleaved rounds; reports ratios to the reference. */
import { chunkings, corpusNames } from './corpora.mjs'
import { labelOf, withBaseline } from './baseline.mjs'
import { median } from './statistics.mjs'

/** The adapter whose ratio is 1.00. */
export const reference = 'eventsource-parser'
const own = 'rivulet'
/** Adapters measured in every launch and round. All others differ so much from 1.00 that one sample suffices. */
const contenders = new Set([own, withBaseline(own), reference])

/**
 * Runs several launches with new processes, because engines optimize the same code differently from launch to launch.
 *
 * @returns {Promise<Map<string, Record<string, { ratio: number, us: number, right: boolean, change?: number }>>>} cell name → adapter → figures; `change` is the ratio to the
 * baseline's build in the same rounds
 */
export async function benchParsers(
  runtime,
  { adapters, launches, rounds, corpora = corpusNames, cuts = chunkings, log },
) {
  const cells = new Map()
  for (let launch = 0; launch < launches; launch++) {
    const opened = new Map()
    for (const name of adapters) if (!launch || contenders.has(name)) opened.set(name, await runtime.open(name))
    for (const corpus of corpora) {
      for (const cut of cuts) {
        const key = `${corpus} / ${cut}`
        if (!cells.has(key)) cells.set(key, {})
        await measureCell(opened, corpus, cut, rounds, cells.get(key), log)
        log(
          `  ${key.padEnd(24)} ${Object.entries(cells.get(key))
            .map(([name, { ratio, right }]) => `${labelOf(name)} ${ratio.toFixed(2)}${right ? '' : '!'}`)
            .join('  ')}`,
        )
      }
    }
    for (const { close } of opened.values()) await close()
  }
  return cells
}

/** Measures one launch's rounds and adds them to `cell`. */
async function measureCell(opened, corpus, cut, rounds, cell, log) {
  const times = {}
  for (const [name, { call }] of opened) {
    const { right, got, expected } = await call('prepare', corpus, cut, contenders.has(name) ? 300 : 60)
    times[name] = []
    cell[name] ??= { ratios: [], times: [], right }
    if (!right) log(`  ${name}: wrong events in ${corpus} / ${cut}: checksum ${got} instead of ${expected}`)
  }
  // The machine's speed drifts, so a ratio is computed for each round, and the median of these ratios is reported.
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 ? [...opened].reverse() : [...opened]
    for (const [name, { call }] of order) {
      if (!round || contenders.has(name)) times[name].push(await call('sample', corpus, cut))
    }
  }
  const base = times[withBaseline(own)]
  if (base && times[own]) {
    const figures = cell[own]
    figures.changes = [...(figures.changes ?? []), ...times[own].map((time, round) => time / base[round])]
    figures.change = median(figures.changes)
  }
  for (const [name, { call }] of opened) {
    const figures = cell[name]
    figures.times.push(...times[name])
    figures.ratios.push(...times[name].map((time, round) => time / times[reference][round]))
    figures.ratio = median(figures.ratios)
    figures.us = median(figures.times)
    await call('drop', corpus, cut)
  }
}
