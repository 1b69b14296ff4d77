/** The bench of parsers: every adapter on every corpus and chunking, in interleaved rounds, as ratios to one of them. */
import { chunkings, corpusNames } from './corpora.mjs'
import { median } from './statistics.mjs'

/** All figures are this adapter's time = 1.00. */
export const baseline = 'eventsource-parser'
/** Measured in every launch and round; the others are far enough from 1.00 for the first one. */
const contenders = new Set(['rivulet', baseline])

/**
 * Engines compile the same code better or worse from launch to launch, so there are several, each with processes of its own.
 *
 * @returns {Promise<Map<string, Record<string, { ratio: number, us: number, right: boolean }>>>} cell name → adapter → figures
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
            .map(([name, { ratio, right }]) => `${name} ${ratio.toFixed(2)}${right ? '' : '!'}`)
            .join('  ')}`,
        )
      }
    }
    for (const { close } of opened.values()) await close()
  }
  return cells
}

/** Adds one launch's rounds to `cell`. */
async function measureCell(opened, corpus, cut, rounds, cell, log) {
  const times = {}
  for (const [name, { call }] of opened) {
    const { right, got, expected } = await call('prepare', corpus, cut, contenders.has(name) ? 300 : 60)
    times[name] = []
    cell[name] ??= { ratios: [], times: [], right }
    if (!right) log(`  ${name}: wrong events in ${corpus} / ${cut}: ${got}, not ${expected}`)
  }
  // Neighbours in time share the machine's mood: a ratio is taken within one round, the median over the rounds.
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 ? [...opened].reverse() : [...opened]
    for (const [name, { call }] of order) {
      if (!round || contenders.has(name)) times[name].push(await call('sample', corpus, cut))
    }
  }
  for (const [name, { call }] of opened) {
    const figures = cell[name]
    figures.times.push(...times[name])
    figures.ratios.push(...times[name].map((time, round) => time / times[baseline][round]))
    figures.ratio = median(figures.ratios)
    figures.us = median(figures.times)
    await call('drop', corpus, cut)
  }
}
