/** Measures other clients as `scripts/size.mjs` measures ours: `node test/docs/peer-sizes.mjs --write` puts the figures into the README. */
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { nodeResolve } from '@rollup/plugin-node-resolve'
import { rollup } from 'rollup'
import { minify } from 'terser'

const readme = new URL('../../README.md', import.meta.url)
/** They are dependencies of the bench alone: `npm ci --prefix bench` installs them. */
const bench = fileURLToPath(new URL('../../bench/', import.meta.url))

/** What a page imports of each. */
export const peers = [
  { name: '@microsoft/fetch-event-source', names: 'fetchEventSource' },
  { name: 'eventsource', names: 'EventSource' },
  { name: 'eventsource-parser', names: 'createParser' },
]

/** The installed version of a peer. @throws where the bench is not installed */
export function versionOf(name) {
  let folder = dirname(createRequire(join(bench, 'package.json')).resolve(name))
  for (;;) {
    const { name: found, version } = JSON.parse(readPackage(folder))
    if (found === name) return version
    folder = dirname(folder)
  }
}

function readPackage(folder) {
  try {
    return readFileSync(join(folder, 'package.json'), 'utf8')
  } catch {
    return '{}' // not the package's own folder yet
  }
}

/** Bytes of a page's bundle that imports `names` from the peer, minified and compressed. */
export async function measurePeer({ name, names }) {
  const program = join(bench, 'program.js')
  const bundle = await rollup({
    input: program,
    plugins: [
      {
        name: 'program',
        resolveId: (id) => (id === program ? id : null),
        load: (id) => (id === program ? `export { ${names} } from '${name}'` : null),
      },
      nodeResolve({ browser: true, exportConditions: ['browser', 'import', 'default'] }),
    ],
    onwarn() {}, // what others' packages look like is not ours to judge
  })
  const { output } = await bundle.generate({ format: 'es', inlineDynamicImports: true })
  const { code } = await minify(output[0].code, { module: true, ecma: 2020, compress: { passes: 2 } })
  return gzipSync(code, { level: 9 }).byteLength
}

/** The README with these figures between its marks: `<!-- peer:eventsource -->5.1.5, 2.0 kB<!-- /peer -->`. */
export function writePeers(text, figures) {
  return text.replace(/(<!-- peer:(\S+) -->)(.*?)(<!-- \/peer -->)/g, (_all, open, name, _old, close) => {
    if (!(name in figures))
      throw new Error(`README.md asks for the size of ${name}, which peer-sizes.mjs does not measure`)
    return `${open}${figures[name]}${close}`
  })
}

/** Version and size of each peer, in words. */
export async function peerFigures() {
  const figures = {}
  for (const peer of peers) figures[peer.name] = `${((await measurePeer(peer)) / 1000).toFixed(1)} kB`
  return figures
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const figures = await peerFigures()
  console.table(
    Object.fromEntries(peers.map(({ name }) => [name, { version: versionOf(name), gzipped: figures[name] }])),
  )
  if (process.argv.includes('--write')) writeFileSync(readme, writePeers(readFileSync(readme, 'utf8'), figures))
}
