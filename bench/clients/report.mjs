/** Reports whole clients and scenarios: sections of RESULTS.md, and lines for the terminal. */
import { cpus } from 'node:os'
import { adapterOf, isRivulet, labelOf } from '../baseline.mjs'
import { writeSection } from '../results.mjs'
import { reference } from './measure.mjs'

const machine = () => cpus()[0].model.trim()
const ratioText = (value) => value.toFixed(2)
const range = ([low, high]) => `${ratioText(low)} to ${ratioText(high)}`

const jsonTargets = ['rivulet-on-json', 'rivulet-iterate-json'].map((name) => ({
  name,
  floor: 'floor-json',
  limit: 1.1,
}))

/** Compares the measured ratios with the targets of clients that parse JSON. */
export function summary(clients) {
  return jsonTargets
    .filter(({ name, floor }) => clients[name] && clients[floor])
    .map(({ name, floor, limit }) => {
      const ratio = clients[name].ratio / clients[floor].ratio
      return `- \`${name}\`: ${ratioText(ratio)} of \`${floor}\`; the target is ${ratioText(limit)}${ratio > limit ? ', **missed**' : ''}`
    })
    .join('\n')
}

function table(clients) {
  const rows = Object.entries(clients)
    .sort(([, a], [, b]) => a.ratio - b.ratio)
    .map(
      ([name, { ratio, figure, wall, peak, runs }]) =>
        `| ${labelOf(name)} | ${ratioText(ratio)} | ${figure.toFixed(0)} | ${wall.toFixed(0)} | ${peak.toFixed(1)} | ${runs} |`,
    )
  return [
    '| client | CPU time | CPU, ms | wall, ms | peak memory, MiB | runs |',
    '| --- | ---: | ---: | ---: | ---: | ---: |',
    ...rows,
  ].join('\n')
}

export async function reportClients({ clients, scenario, rounds }, { version, streamBytes }) {
  await writeSection(
    'Whole clients in a page, measured',
    `
Written by \`npm run bench\` (see clients/run.mjs). ${version}, headless, on ${machine()}. A local server sends ${scenario.size.toLocaleString('en')}
events of ${Math.round(streamBytes / scenario.size)} bytes on average (ID, type, JSON of ASCII and CJK text) as fast as they are read. Each run is one client in a fresh page;
all events are checked. CPU time is that of the page's main thread (\`ThreadTime\` of the DevTools protocol), as a ratio to \`eventsource-parser\` over
\`fetch\` (= 1.00): medians of up to ${rounds} interleaved rounds. Peak memory is the growth of the JavaScript heap and its array buffers over the idle
page, sampled every 20 ms in a run that is not timed. Lower is better.

Lower bounds: \`floor-read\` reads and discards the bytes, \`floor-decode\` decodes them with a streaming \`TextDecoder\`, and \`floor-json\` also parses
the same amount of JSON, without having to find it. \`floor-byob\` decodes from a reused buffer of 64 KiB. The suffix \`-json\` means with the payload parsed.

${summary(clients)}

${table(clients)}
`,
  )
}

/** The cells of one client's row. */
function cellsOf(name, clients, { unit, bars, above }) {
  const { ratio, spread, figure, paired, runs } = clients[name]
  const difference = above && clients[above] && name !== above ? figure - clients[above].figure : undefined
  const measured = above ? difference : ratio
  const barText = (value) => (above ? `${value} ${unit} above` : ratioText(value))
  const [bar, goal] = bars[name] ?? []
  return [
    labelOf(name),
    ratioText(ratio),
    range(spread),
    `${figure.toFixed(1)} ${unit}${difference === undefined ? '' : `, ${difference.toFixed(1)} above \`${above}\``}`,
    paired ? `${ratioText(paired.change)} (${range(paired.spread)})` : '',
    bar === undefined ? '' : `${barText(bar)}${measured > bar ? ', **missed**' : ''}`,
    goal === undefined ? '' : barText(goal),
    String(runs),
  ]
}

/** The rows of all scenarios, as lists of cells: those of Rivulet first. */
function scenarioRows(results) {
  return results.flatMap(({ scenario, clients }) =>
    Object.keys(clients)
      .filter((name) => !scenario.rows || scenario.rows.includes(adapterOf(name)))
      .sort((a, b) => Number(isRivulet(b)) - Number(isRivulet(a)))
      .map((name) => [scenario.title(scenario), ...cellsOf(name, clients, scenario)]),
  )
}

const header = ['scenario', 'client', 'ratio', 'middle half', 'figure', 'to baseline', 'bar', 'goal', 'runs']

/** The table of all scenarios, in Markdown. */
export const scenarioTable = (results) =>
  [header, ['---', '---', ...Array.from({ length: header.length - 2 }, () => '---:')], ...scenarioRows(results)]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')

export async function reportScenarios(results, { version, baseline }) {
  await writeSection(
    'Scenarios in a page, measured',
    `
Written by \`npm run bench\` (see clients/scenarios.mjs). ${version}, headless, on ${machine()}. Each run is one client in a fresh page. The figure is the CPU time
of the page's main thread or, where the unit is KiB, the memory that is held after garbage collection. The ratio is that to \`${reference}\` over \`fetch\` (= 1.00)
in the same round; given are the median of interleaved rounds, and the middle half of them. Lower is better. \`fetch-reader\` is a lower bound: it reads without parsing.
${baseline ? `\nThe baseline is Rivulet ${baseline.version}. "To baseline" is the median of the ratios to it in the same round; less than 1.00 is faster.\n` : ''}
${scenarioTable(results)}
`,
  )
}
