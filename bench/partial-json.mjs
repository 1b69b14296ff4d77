/**
 * Measures parsers of partial JSON: the time for text in pieces of 12 characters, with the value read after every piece.
 * The time must grow linearly with the size. Run `node bench/partial-json.mjs`.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parse as parseBestEffort } from 'best-effort-json-parser'
import { parse as parseRiver } from 'jsonriver'
import { parse as parsePartial } from 'partial-json'
import { rollup } from 'rollup'
import { typescript } from './build.mjs'
import { writeSection } from './results.mjs'
import { median } from './statistics.mjs'

const KB = 1_000
const SMALL = 80 * KB
const LARGE = 320 * KB
const PIECE_CHARS = 12
const ROUNDS = 9
/** The goal: four times the text takes at most this many times as long. */
const TARGET = 4.5

async function loadRivulet() {
  const folder = await mkdtemp(join(tmpdir(), 'rivulet-'))
  const bundle = await rollup({
    input: fileURLToPath(new URL('../src/partial-json.ts', import.meta.url)),
    plugins: [typescript],
  })
  await bundle.write({ file: join(folder, 'partial-json.mjs'), format: 'es' })
  const { partialJson } = await import(pathToFileURL(join(folder, 'partial-json.mjs')).href)
  await rm(folder, { recursive: true })
  return partialJson
}

/** Arguments of tool calls: one long string, and many small values. */
const shapes = {
  'one long string': (size) =>
    JSON.stringify({ path: 'notes.md', content: 'The quick brown fox. "\n'.repeat(size / 25) }),
  'many small values': (size) =>
    JSON.stringify({
      rows: Array.from({ length: size / 52 }, (_, id) => ({
        id: id % 1_000,
        name: 'a name',
        ok: true,
        tags: ['x', 'y'],
      })),
    }),
}

const cut = (text) => text.match(new RegExp(`[^]{1,${PIECE_CHARS}}`, 'g'))

/** Returns a reader that parses all text received so far again after every piece. */
const parseEachTime = (parse) => (pieces) => {
  let text = ''
  let value
  for (const piece of pieces) value = parse((text += piece))
  return value
}

const createReaders = (partialJson) => ({
  rivulet: (pieces) => {
    const parser = partialJson()
    let value
    for (const piece of pieces) value = parser.push(piece)
    return value
  },
  'partial-json': parseEachTime(parsePartial),
  'best-effort-json-parser': parseEachTime(parseBestEffort),
  async jsonriver(pieces) {
    let value
    for await (const next of parseRiver(ReadableStream.from(pieces))) value = next
    return value
  },
})

/** Resolves with the CPU milliseconds of one pass, the mean of `passes`. */
async function timeOf(read, { text, pieces }, passes = 1) {
  const { user, system } = process.cpuUsage()
  let value
  for (let pass = 0; pass < passes; pass++) value = await read(pieces)
  const used = process.cpuUsage({ user, system })
  if (JSON.stringify(value) !== text) throw new Error('The value differs from that of JSON.parse')
  return (used.user + used.system) / 1_000 / passes
}

/** A reader is measured no further if 80 kB take longer than this. */
const MAX_MS = 400

async function measureReader(read, shape) {
  const [tiny, small, large] = [20 * KB, SMALL, LARGE].map((size) => ({ text: shape(size), pieces: cut(shape(size)) }))
  const first = await timeOf(read, tiny)
  const once = await timeOf(read, small)
  if (once > MAX_MS) return { first, small: once }
  for (let round = 0; round < 3; round++) await timeOf(read, small, 4)
  // Four small texts make as much garbage as one large text. The machine's speed drifts, so each round has a ratio.
  const rounds = []
  for (let round = 0; round < ROUNDS; round++)
    rounds.push({ small: await timeOf(read, small, 16), large: await timeOf(read, large, 4) })
  return {
    first: await timeOf(read, tiny, 20),
    small: median(rounds.map((round) => round.small)),
    large: median(rounds.map((round) => round.large)),
    ratio: median(rounds.map((round) => round.large / round.small)),
  }
}

const readers = createReaders(await loadRivulet())
const digits = (ms) => (ms === undefined ? '–' : ms.toFixed(ms < 10 ? 1 : 0))
const rows = []
for (const [shapeName, shape] of Object.entries(shapes)) {
  for (const [name, read] of Object.entries(readers)) {
    const { first, small, large, ratio } = await measureReader(read, shape)
    const isMissed = name === 'rivulet' && ratio > TARGET
    rows.push(
      `| ${shapeName} | ${name} | ${digits(first)} | ${digits(small)} | ${digits(large)} | ${ratio?.toFixed(2) ?? '–'}${isMissed ? ' **missed**' : ''} |`,
    )
    console.log(rows.at(-1))
  }
}
if (!process.argv.includes('--dry'))
  await writeSection(
    'Partial JSON, measured',
    `
Written by \`node bench/partial-json.mjs\`. Node ${process.version}, CPU milliseconds, medians of ${ROUNDS} rounds. Pieces have ${PIECE_CHARS}
characters, and the value is read after each. Four times the text should take four times as long: the target for Rivulet is at most ${TARGET}.
Readers that need more than ${MAX_MS} ms for 80 kB parse everything again after each piece, and are measured once.

| text | reader | 20 kB | 80 kB | 320 kB | 320 kB / 80 kB |
| --- | --- | ---: | ---: | ---: | ---: |
${rows.join('\n')}
`,
  )
