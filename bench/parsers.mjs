/** The bench of parsers: every adapter on every corpus and chunking, in interleaved rounds, as ratios to one of them. */
import { chunkings, corpusNames } from './corpora.mjs'
import { median } from './statistics.mjs'

/** All figures are this adapter's time = 1.00. */
export const baseline = 'eventsource-parser'
/** Measured in every round. */
const contenders = ['rivulet', baseline, 'floor-decode']

/**
 * @returns {Promise<Map<string, Record<string, { ratio: number, us: number, right: boolean }>>>} cell name → adapter → figures
 */
export async function benchParsers(runtime, { adapters, rounds, corpora = corpusNames, cuts = chunkings, log }) {
  const opened = new Map()
  for (const name of adapters) opened.set(name, await runtime.open(name))
  const cells = new Map()
  for (const corpus of corpora) {
    for (const cut of cuts) {
      const times = {}
      const rights = {}
      for (const [name, { call }] of opened) {
        const { right, got, expected } = await call('prepare', corpus, cut)
        times[name] = []
        rights[name] = right
        if (!right) log(`  ${name}: wrong events in ${corpus} / ${cut}: ${got}, not ${expected}`)
      }
      // Neighbours in time share the machine's mood: a ratio is taken within one round, the median over the rounds.
      for (let round = 0; round < rounds; round++) {
        const order = round % 2 ? [...opened].reverse() : [...opened]
        // Others are far enough from 1.00 for three rounds.
        for (const [name, { call }] of order) {
          if (round < 3 || contenders.includes(name)) times[name].push(await call('sample', corpus, cut))
        }
      }
      const cell = {}
      for (const name of opened.keys()) {
        cell[name] = {
          ratio: median(times[name].map((time, round) => time / times[baseline][round])),
          us: median(times[name]),
          right: rights[name],
        }
        await opened.get(name).call('drop', corpus, cut)
      }
      cells.set(`${corpus} / ${cut}`, cell)
      log(`  ${`${corpus} / ${cut}`.padEnd(24)} ${Object.entries(cell).map(([name, { ratio, right }]) => `${name} ${ratio.toFixed(2)}${right ? '' : '!'}`).join('  ')}`)
    }
  }
  for (const { close } of opened.values()) await close()
  return cells
}
