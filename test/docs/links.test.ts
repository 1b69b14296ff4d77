/** Every link in the documents leads to a file and a heading that exist. */
import { existsSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { expect, test } from 'vitest'
import { documents, readDocument, root } from './markdown.ts'

const all = [...documents, 'CHANGELOG.md', 'CONTRIBUTING.md']

const withoutCode = (text: string): string =>
  text.replace(/^```.*?^```$/gms, '').replace(/`[^`\n]*`/g, (code) => code.replace(/[[\]()]/g, ' '))

/** The anchors that GitHub makes of headings. */
function anchorsOf(document: string): string[] {
  return Array.from(
    readDocument(document)
      .replace(/^```.*?^```$/gms, '')
      .matchAll(/^#+ (.*)$/gm),
    ([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replace(/\s/g, '-'),
  )
}

const links = all.flatMap((document) =>
  Array.from(withoutCode(readDocument(document)).matchAll(/\]\(([^)\s]+)\)/g), ([, target = '']) => ({
    document,
    target,
  })),
)
const localLinks = links.filter(({ target }) => !/^[a-z]+:/.test(target))

test.each(localLinks)('$document: $target', ({ document, target }) => {
  const [path = '', anchor] = target.split('#')
  const file = path === '' ? document : normalize(join(dirname(document), path))
  expect(existsSync(join(root, file)), file).toBe(true)
  if (anchor !== undefined) expect(anchorsOf(file)).toContain(anchor)
})

test('each guide is linked from the README', () => {
  const fromReadme = links.filter(({ document }) => document === 'README.md').map(({ target }) => target.split('#')[0])
  for (const document of documents) if (document !== 'README.md') expect(fromReadme).toContain(document)
})
