/** `node bench/server/run.mjs`: measures what compression saves and costs on the mock server; writes server/RESULTS.md. */
import { writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { buildServer } from './build.mjs'
import { encodings } from './client.mjs'
import { measureDelay } from './delay.mjs'
import { measureMemory } from './memory.mjs'
import { measureWire } from './wire.mjs'

const server = await buildServer()
const wire = await measureWire(server)
const delay = await measureDelay(server)
const memory = await measureMemory()

const row = (label, values, format, base = values.identity) =>
  `| ${label} | ${encodings.map((name) => `${format(values[name])}${name === 'identity' ? '' : ` (${(values[name] / base).toFixed(2)})`}`).join(' | ')} |`
const milliseconds = (value) => `${value.toFixed(2)} ms`
const report = `# Compression, measured

Written by \`node bench/server/run.mjs\`: Node ${process.version}, ${cpus()[0].model}. In parentheses: the ratio to uncompressed.

| | identity | gzip | br |
| --- | ---: | ---: | ---: |
${row(`a run of ${wire.deltas.toLocaleString('en')} deltas, flushed after each, in bytes on the socket`, wire.bytes, (value) => value.toLocaleString('en'))}
${row('from the request to its first event, median', delay.first, milliseconds)}
${row('from `send` to a readable event, median', delay.later, milliseconds)}
${row(`memory of the server per connection (${memory.connections.toLocaleString('en')} connections, ${memory.events} events each)`, memory.bytes, (value) => `${(value / 1024).toFixed(0)} KiB`)}

Medians of ${delay.rounds} interleaved rounds, server and client in one process; memory is the growth of the server's process.
`
await writeFile(new URL('RESULTS.md', import.meta.url), report)
console.log(report)
