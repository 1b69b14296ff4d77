/** Reports the results of whole clients: a section of RESULTS.md, and a comparison with the targets. */
import { cpus } from 'node:os'
import { writeSection } from '../results.mjs'
import { baseline } from './measure.mjs'

const targets = [
  { name: 'rivulet-on', floor: baseline, limit: 0.7 },
  { name: 'rivulet-iterate', floor: baseline, limit: 0.8 },
  { name: 'rivulet-on-json', floor: 'floor-json', limit: 1.1 },
  { name: 'rivulet-iterate-json', floor: 'floor-json', limit: 1.1 },
]

/** Compares the measured ratios with the targets. */
export function summary(clients) {
  return targets
    .filter(({ name, floor }) => clients[name] && clients[floor])
    .map(({ name, floor, limit }) => {
      const ratio = clients[name].ratio / clients[floor].ratio
      return `- \`${name}\`: ${ratio.toFixed(2)} of \`${floor}\`; the target is ${limit.toFixed(2)}${ratio > limit ? ', **missed**' : ''}`
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
events of ${Math.round(size / total)} bytes on average (ID, type, JSON of ASCII and CJK text) as fast as they are read. Each run is one client in a fresh page;
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
