/** Reports the results of parsers: a section of RESULTS.md, and a summary for the terminal. */
import { cpus } from 'node:os'
import { isRivulet, labelOf } from './baseline.mjs'
import { writeSection } from './results.mjs'
import { geometricMean } from './statistics.mjs'

const rivulet = 'rivulet'
const ratios = (cells, adapter, matches = () => true) =>
  [...cells].filter(([name, cell]) => cell[adapter] && matches(name)).map(([, cell]) => cell[adapter].ratio)
const perEvent = (name) => name.endsWith('/ event')
/** Chunks that no server sends; a mean that includes them says nothing about real streams. */
const tiny = (name) => / \/ [17]$/.test(name)
const realistic = (name) => !tiny(name)
const crCorpus = (name) => /^CR(LF)? /.test(name)

/** The groups of cells that have a geometric mean of their own. */
const groups = [
  ['realistic chunks (one event, or 64 bytes and more)', realistic],
  ['realistic chunks, lines that end in LF', (name) => realistic(name) && !crCorpus(name)],
  ['realistic chunks, lines that end in CR or CRLF', (name) => realistic(name) && crCorpus(name)],
  ['one event per chunk', perEvent],
  ['tiny chunks (7 bytes and less, which no server sends)', tiny],
]

const describeMean = (values) => `geometric mean ${geometricMean(values).toFixed(2)} over ${values.length} cells`

/** Summarizes how rivulet compares with the other adapters, and with its own baseline. */
export function summary(cells) {
  if (!ratios(cells, rivulet).length) return ''
  const lines = []
  for (const [group, matches] of groups) {
    const some = [...cells]
      .filter(([name, cell]) => cell[rivulet] && matches(name))
      .map(([name, cell]) => ({ name, ...cell[rivulet] }))
    if (!some.length) continue
    const worst = some.toSorted((a, b) => b.ratio - a.ratio)[0]
    const changes = some.map(({ change }) => change).filter((change) => change !== undefined)
    lines.push(
      `${group}: ${describeMean(some.map(({ ratio }) => ratio))}, worst ${worst.ratio.toFixed(2)} (${worst.name})${
        changes.length
          ? `; to the baseline ${geometricMean(changes).toFixed(3)}, at most ${Math.max(...changes).toFixed(2)}`
          : ''
      }`,
    )
  }
  const behind = [...cells].flatMap(([name, cell]) =>
    Object.entries(cell)
      .filter(
        ([peer, { ratio, right }]) =>
          !isRivulet(peer) && !peer.startsWith('floor') && right && ratio < cell[rivulet].ratio,
      )
      .map(([peer, { ratio }]) => `${name}: ${peer} ${ratio.toFixed(2)}, rivulet ${cell[rivulet].ratio.toFixed(2)}`),
  )
  lines.push(behind.length ? `behind a peer in:\n  ${behind.join('\n  ')}` : 'ahead of every peer in every cell')
  return lines.map((line) => `- ${line}`).join('\n')
}

function table(cells) {
  const adapters = Object.keys([...cells.values()][0])
  const order = [...adapters.filter(isRivulet), ...adapters.filter((name) => !isRivulet(name))]
  const rows = [
    `| corpus / bytes per chunk | ${order.map(labelOf).join(' | ')} |`,
    `| --- |${' ---: |'.repeat(order.length)}`,
  ]
  for (const [name, cell] of cells) {
    rows.push(
      `| ${name} | ${order.map((adapter) => `${cell[adapter].ratio.toFixed(2)}${cell[adapter].right ? '' : ' ¹'}`).join(' | ')} |`,
    )
  }
  const means = (title, matches) => {
    const cellTexts = order.map((adapter) => {
      const some = ratios(cells, adapter, matches)
      return some.length ? `**${geometricMean(some).toFixed(2)}**` : ''
    })
    rows.push(`| **${title}** | ${cellTexts.join(' | ')} |`)
  }
  means('geometric mean, realistic chunks', realistic)
  means('geometric mean, tiny chunks', tiny)
  return rows.join('\n')
}

export async function report(results, { launches, rounds, baseline }) {
  const [{ model }] = cpus()
  const parts = results.map(({ version, cells }) => `## ${version}\n\n${summary(cells)}\n\n${table(cells)}\n`)
  await writeSection(
    'Parsers, measured',
    `
Written by \`npm run bench\` (see run.mjs). CPU time of one adapter per process or page, as ratios to \`eventsource-parser\` behind a
streaming \`TextDecoder\` (= 1.00), medians of ${launches} launches of ${rounds} interleaved rounds each, on ${model.trim()}. Lower is better. Each pass reads every field
and is checked for the right events. Peers other than the reference have one launch and one sample. \`floor-decode\` is a streaming \`TextDecoder\` only,
\`floor-json\` adds \`JSON.parse\` of data extracted beforehand.${baseline ? `\nThe baseline is Rivulet ${baseline.version}.` : ''}

¹ produces wrong events on this corpus; its time is shown anyway.

${parts.join('\n')}`,
  )
}
