/** Reads the user documentation: its documents, their fenced blocks and their links. */
import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../', import.meta.url))

/** Paths of the documents that may contain snippets, relative to the root of the repository. */
export const documents: readonly string[] = [
  'README.md',
  'PROTOCOL.md',
  ...readdirSync(new URL('../../docs', import.meta.url))
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => `docs/${name}`),
]

export interface Block {
  /** The document and line where the block begins: `docs/feeds.md:12`. */
  readonly name: string
  readonly document: string
  /** The line number of the first line of code, from 1. */
  readonly line: number
  readonly language: string
  /** Words after the language: `setup`, `types`, `vitest`, `jwt`, `apikey`, `file=name`. */
  readonly flags: readonly string[]
  readonly code: string
  /** The expected output: the `text` block that follows immediately, if any. */
  readonly output: string | undefined
}

export function readDocument(document: string): string {
  return readFileSync(`${root}${document}`, 'utf8')
}

/** Returns Markdown without its fenced blocks. */
export const withoutFences = (markdown: string): string => markdown.replace(/^ *```.*?^ *```$/gms, '')

const inlineCode = /`[^`\n]*`/g

/** Returns Markdown without fenced blocks and inline code. */
export const withoutCode = (markdown: string): string => withoutFences(markdown).replace(inlineCode, '')

/** Returns the targets of all links and images outside of code. */
export function linksOf(markdown: string): string[] {
  // Keep inline code, because it may be the text of a link, but blank out its brackets, which are not link syntax.
  const text = withoutFences(markdown).replace(inlineCode, (code) => code.replace(/[[\]()]/g, ' '))
  return Array.from(text.matchAll(/\]\(([^)\s]+)\)/g), ([, target = '']) => target)
}

/** Returns the blocks of a document in order. Only fences at the beginning of a line count. */
function blocksOf(document: string): Block[] {
  const blocks: Block[] = []
  const found = readDocument(document).matchAll(/^```([^\n]*)\n(.*?)^```$(?:\s*^```text\n(.*?)^```$)?/gms)
  for (const { 0: match, 1: info = '', 2: code = '', 3: output, index, input } of found) {
    const [language = '', ...flags] = info.trim().split(/\s+/)
    const line = input.slice(0, index + match.indexOf('\n')).split('\n').length + 1
    blocks.push({ name: `${document}:${line}`, document, line, language, flags, code, output })
  }
  return blocks
}

export const blocks: readonly Block[] = documents.flatMap(blocksOf)

/** Returns the code that precedes a block: the document's `setup` block, unless the block creates its own client. */
export function setupOf({ document, code, language, flags }: Block): string {
  if (flags.includes('setup') || language === 'html' || code.includes('createClient(')) return ''
  return blocks.find((block) => block.document === document && block.flags.includes('setup'))?.code ?? ''
}

/** Returns the inline scripts of a page, without import maps. */
export function scriptsOf({ code }: Block): string[] {
  return Array.from(
    code.matchAll(/<script(?![^>]*\b(?:src=|importmap))[^>]*>(.*?)<\/script>/gs),
    ([, script = '']) => script,
  )
}

/** Returns the lines that a snippet claims to print, from comments of the form `// → text`. */
export function expectedOutputOf(code: string): string[] {
  return Array.from(code.matchAll(/\/\/ → (.*)$/gm), ([, text = '']) => text)
}

/** Turns expected output into the source of a regular expression: `…` matches any text and, alone on a line, any lines. */
export function patternOf(text: string): string {
  return text
    .split('\n')
    .map((line) =>
      line === '…' ? '(?:.*\\n)*?.*' : line.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll('…', '.*?'),
    )
    .join('\n')
}
