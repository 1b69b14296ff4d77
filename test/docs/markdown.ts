/** The fenced blocks of the documents that users read. */
import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../', import.meta.url))

/** Every document with code for users, from the root of the project. */
export const documents: readonly string[] = [
  'README.md',
  'PROTOCOL.md',
  ...readdirSync(new URL('../../docs', import.meta.url))
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => `docs/${name}`),
]

export interface Block {
  /** Where it begins: `docs/feeds.md:12`. */
  readonly name: string
  readonly document: string
  /** Line of its first line of code, from 1. */
  readonly line: number
  readonly language: string
  /** Further words after the language. */
  readonly flags: readonly string[]
  readonly code: string
  /** What the `text` block right after it says that it prints. */
  readonly output: string | undefined
}

export function readDocument(document: string): string {
  return readFileSync(`${root}${document}`, 'utf8')
}

/** Blocks in order. Fences stand at the beginning of a line. */
function blocksOf(document: string): Block[] {
  const blocks: Block[] = []
  const found = readDocument(document).matchAll(/^```([^\n]*)\n(.*?)^```$(?:\s*^```text\n(.*?)^```$)?/gms)
  for (const { 0: whole, 1: info = '', 2: code = '', 3: output, index, input } of found) {
    const [language = '', ...flags] = info.trim().split(/\s+/)
    const line = input.slice(0, index + whole.indexOf('\n')).split('\n').length + 1
    blocks.push({ name: `${document}:${line}`, document, line, language, flags, code, output })
  }
  return blocks
}

export const blocks: readonly Block[] = documents.flatMap(blocksOf)

/** What precedes a block: the document's block marked `setup`, unless the block makes a client of its own. */
export function setupOf({ document, code, language, flags }: Block): string {
  if (flags.includes('setup') || language === 'html' || code.includes('createClient(')) return ''
  return blocks.find((block) => block.document === document && block.flags.includes('setup'))?.code ?? ''
}

/** The inline scripts of a page; an import map is none. */
export function scriptsOf({ code }: Block): string[] {
  return Array.from(
    code.matchAll(/<script(?![^>]*\b(?:src=|importmap))[^>]*>(.*?)<\/script>/gs),
    ([, script = '']) => script,
  )
}

/** The lines that a program says that it prints: `// → text`. */
export function expectedOutputOf(code: string): string[] {
  return Array.from(code.matchAll(/\/\/ → (.*)$/gm), ([, text = '']) => text)
}

/** What is written in the documents as a pattern: `…` stands for anything, alone on a line for any lines. */
export function patternOf(text: string): string {
  return text
    .split('\n')
    .map((line) =>
      line === '…' ? '(?:.*\\n)*?.*' : line.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll('…', '.*?'),
    )
    .join('\n')
}
