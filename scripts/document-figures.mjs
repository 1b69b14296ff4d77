/**
 * Updates measured figures in the documents: the mark `<!-- size:core -->11.0 kB<!-- /size -->` contains the size of
 * `core`.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

const root = new URL('../', import.meta.url)

/**
 * Returns `text` with each mark of this kind filled in.
 * @throws Error for a mark without a figure
 */
export function fillFigures(text, kind, figures) {
  const mark = new RegExp(`(<!-- ${kind}:(\\S+) -->).*?(<!-- /${kind} -->)`, 'g')
  return text.replace(mark, (_all, open, name, close) => {
    if (!(name in figures))
      throw new Error(`A document contains the mark ${kind}:${name}, but this figure was not measured`)
    return `${open}${figures[name]}${close}`
  })
}

/** Returns the paths of the documents that may contain figures. */
const documents = () =>
  ['README.md', ...readdirSync(new URL('docs', root)).map((name) => `docs/${name}`)].filter((path) =>
    path.endsWith('.md'),
  )

/** Returns the documents whose figures of this kind are outdated. With `write`, updates them and returns none. */
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
