/** Measures the sizes of other clients with the tool that also measures Rivulet's. `--write` updates the documents. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { bundleSize, inKilobytes } from '../../scripts/bundle-size.mjs'
import { outdatedDocuments } from '../../scripts/document-figures.mjs'

/** The folder in which `npm ci --prefix bench` installs the other clients. */
const bench = fileURLToPath(new URL('../../bench/', import.meta.url))

/** The other clients, each with the names that a page imports. */
export const peers = [
  { name: '@microsoft/fetch-event-source', names: 'fetchEventSource' },
  { name: 'eventsource', names: 'EventSource' },
  { name: 'eventsource-parser', names: 'createParser' },
]

/**
 * Returns the installed version of a peer.
 * @throws Error if `npm ci --prefix bench` has not been run
 */
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
    return '{}' // not yet the root of the package
  }
}

/** Resolves with the size of each client, formatted for the documents. */
export async function peerFigures() {
  const figures = {}
  for (const { name, names } of peers) figures[name] = inKilobytes((await bundleSize({ [name]: names }, bench)).gzipped)
  return figures
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const figures = await peerFigures()
  console.table(peers.map(({ name }) => ({ name, version: versionOf(name), gzipped: figures[name] })))
  outdatedDocuments('peer', figures, { write: process.argv.includes('--write') })
}
