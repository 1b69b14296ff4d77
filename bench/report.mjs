/** Reports the results of parsers: a section of RESULTS.md, and a summary for the terminal. */
import { cpus } from 'node:os'
import { writeSection } from './results.mjs'
import { geometricMean } from './statistics.mjs'

const rivulet = 'rivulet'
const ratios = (cells, adapter, matches = () => true) =>
  [...cells].filter(([name, cell]) => cell[adapter] && matches(name)).map(([, cell]) => cell[adapter].ratio)
const perEvent = (name) => name.endsWith('/ event')
const tiny = (name) => / \/ [17]$/.test(name)

/** Summarizes how rivulet compares with the other adapters. */
export function summary(cells) {
  const all = ratios(cells, rivulet)
  if (!all.length) return ''
  const lines = [`geometric mean ${geometricMean(all).toFixed(2)} over ${all.length} cells`]
  const worst = [...cells].sort(([, a], [, b]) => b[rivulet].ratio - a[rivulet].ratio)[0]
  lines.push(`worst cell ${worst[1][rivulet].ratio.toFixed(2)} (${worst[0]})`)
  for (const [group, matches] of [
    ['one event per chunk', perEvent],
    ['chunks of 7 bytes and less', tiny],
  ]) {
    const some = ratios(cells, rivulet, matches)
    if (some.length)
      lines.push(`${group}: geometric mean ${geometricMean(some).toFixed(2)}, worst ${Math.max(...some).toFixed(2)}`)
  }
  const behind = [...cells].flatMap(([name, cell]) =>
    Object.entries(cell)
      .filter(
        ([peer, { ratio, right }]) =>
          peer !== rivulet && !peer.startsWith('floor') && right && ratio < cell[rivulet].ratio,
      )
      .map(([peer, { ratio }]) => `${name}: ${peer} ${ratio.toFixed(2)}, rivulet ${cell[rivulet].ratio.toFixed(2)}`),
  )
  lines.push(behind.length ? `behind a peer in:\n  ${behind.join('\n  ')}` : 'ahead of every peer in every cell')
  return lines.map((line) => `- ${line}`).join('\n')
}

function table(cells) {
  const adapters = Object.keys([...cells.values()][0])
  const order = [rivulet, ...adapters.filter((name) => name !== rivulet)].filter((name) => adapters.includes(name))
  const rows = [`| corpus / bytes per chunk | ${order.join(' | ')} |`, `| --- |${' ---: |'.repeat(order.length)}`]
  for (const [name, cell] of cells) {
    rows.push(
      `| ${name} | ${order.map((adapter) => `${cell[adapter].ratio.toFixed(2)}${cell[adapter].right ? '' : ' ¹'}`).join(' | ')} |`,
    )
  }
  rows.push(
    `| **geometric mean** | ${order.map((adapter) => `**${geometricMean(ratios(cells, adapter)).toFixed(2)}**`).join(' | ')} |`,
  )
  return rows.join('\n')
}

export async function report(results, { launches, rounds }) {
  const [{ model }] = cpus()
  const parts = results.map(({ version, cells }) => `## ${version}\n\n${summary(cells)}\n\n${table(cells)}\n`)
  await writeSection(
    'Parsers, measured',
    `
Written by \`npm run bench\` (see run.mjs). CPU time of one adapter per process or page, as ratios to \`eventsource-parser\` behind a
streaming \`TextDecoder\` (= 1.00), medians of ${launches} launches of ${rounds} interleaved rounds each, on ${model.trim()}. Lower is better. Each pass reads every field
and is checked for the right events. Peers other than the baseline have one launch and one sample. \`floor-decode\` is a streaming \`TextDecoder\` only,
\`floor-json\` adds \`JSON.parse\` of data extracted beforehand.

¹ produces wrong events on this corpus; its time is shown anyway.

${parts.join('\n')}`,
  )
}
