/** Keeps measured figures in the documents: `<!-- size:client -->11.0 kB<!-- /size -->` holds the latest size of `client`. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

const root = new URL('../', import.meta.url)

/**
 * Returns `text` with each mark of this kind filled in.
 * @throws Error for a mark without a figure
 */
export function fillFigures(text, kind, figures) {
  const mark = new RegExp(`(<!-- ${kind}:(\\S+) -->).*?(<!-- /${kind} -->)`, 'g')
  return text.replace(mark, (_all, open, name, close) => {
    if (!(name in figures)) throw new Error(`a document asks for ${kind}:${name}, which is not measured`)
    return `${open}${figures[name]}${close}`
  })
}

/** Paths of the documents that may hold figures. */
const documents = () =>
  ['README.md', ...readdirSync(new URL('docs', root)).map((name) => `docs/${name}`)].filter((path) =>
    path.endsWith('.md'),
  )

/** Documents whose figures of this kind are out of date. With `write` they are brought up to date first. */
export function outdatedDocuments(kind, figures, { write = false } = {}) {
  return documents().filter((path) => {
    const file = new URL(path, root)
    const text = readFileSync(file, 'utf8')
    const filled = fillFigures(text, kind, figures)
    if (filled === text) return false
    if (write) writeFileSync(file, filled)
    return !write
  })
}
