/** The figures of whole clients as a section of RESULTS.md, and against the bars that we hold ourselves to. */
import { cpus } from 'node:os'
import { writeSection } from '../results.mjs'
import { baseline } from './measure.mjs'

const bars = [
  { name: 'rivulet-on', floor: baseline, limit: 0.7 },
  { name: 'rivulet-iterate', floor: baseline, limit: 0.8 },
  { name: 'rivulet-on-json', floor: 'floor-json', limit: 1.1 },
  { name: 'rivulet-iterate-json', floor: 'floor-json', limit: 1.1 },
]

/** Our bars, with what was measured. */
export function summary(clients) {
  return bars
    .filter(({ name, floor }) => clients[name] && clients[floor])
    .map(({ name, floor, limit }) => {
      const ratio = clients[name].ratio / clients[floor].ratio
      return `- \`${name}\`: ${ratio.toFixed(2)} of \`${floor}\`; the bar is ${limit.toFixed(2)}${ratio > limit ? ', **missed**' : ''}`
    })
    .join('\n')
}

function table(clients) {
  const rows = Object.entries(clients)
    .sort(([, a], [, b]) => a.ratio - b.ratio)
    .map(
      ([name, { ratio, cpu, wall, peak, runs }]) =>
        `| ${name} | ${ratio.toFixed(2)} | ${cpu.toFixed(0)} | ${wall.toFixed(0)} | ${peak.toFixed(1)} | ${runs} |`,
    )
  return [
    '| client | CPU time | CPU, ms | wall, ms | peak memory, MiB | runs |',
    '| --- | ---: | ---: | ---: | ---: | ---: |',
    ...rows,
  ].join('\n')
}

export async function reportClients({ version, size, clients }, { total, rounds }) {
  const [{ model }] = cpus()
  await writeSection(
    'Whole clients in a page, measured',
    `
Written by \`npm run bench\` (see clients/run.mjs). ${version}, headless, on ${model.trim()}. A local server sends ${total.toLocaleString('en')}
events of ${Math.round(size / total)} bytes on average (id, type, JSON of ASCII and CJK text) as fast as they are read. Each run has a page of its own, cold, with one client;
all events are checked. CPU time is that of the page's main thread (\`ThreadTime\` of the DevTools protocol), as ratio to \`eventsource-parser\` over
\`fetch\` (= 1.00): medians of up to ${rounds} interleaved rounds. Peak memory is that of JavaScript's heap and its array buffers above the page at
rest, looked at every 20 ms in a run that is not timed. Lower is better.

Floors: \`floor-read\` reads and drops the bytes, \`floor-decode\` puts them through a streaming \`TextDecoder\`, \`floor-json\` parses as much JSON as
comes besides, without having to find it; \`floor-byob\` decodes from a buffer of 64 KiB that is used again. \`-json\`: with the payload parsed.

${summary(clients)}

${table(clients)}
`,
  )
}
