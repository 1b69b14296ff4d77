/** Each `@example` in the sources compiles against the published types, with what a reader has in scope. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { compilerOptions } from './compiler-options.ts'
import { createDocsProject } from './docs-project.ts'
import { root } from './markdown.ts'

interface Example {
  /** File and line of the comment that contains the example. */
  readonly name: string
  readonly code: string
}

/** Returns the examples of one file: the fenced block or the rest of the line after each `@example`. */
function examplesOf(path: string): Example[] {
  const text = readFileSync(join(root, path), 'utf8')
  return Array.from(text.matchAll(/\/\*\*.*?\*\//gs)).flatMap((comment) => {
    const plain = comment[0].replace(/^\s*\*(?!\/) ?/gm, '').replace(/\*\/$/, '')
    const line = text.slice(0, comment.index).split('\n').length
    return Array.from(plain.matchAll(/@example\s*(?:```ts\n(.*?)```|([^\n]*))/gs), ([, fenced, inline]) => ({
      name: `${path}:${line}`,
      code: fenced ?? inline ?? '',
    }))
  })
}

const examples = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .flatMap((path) => examplesOf(`src/${path}`))

/** Functions and classes of the package that examples use without importing them, by entry point. */
const VALUES = {
  rivulet: ['apiKey', 'bearer', 'createClient', 'fetchConnect', 'isStreamError', 'native', 'rawEvents', 'StreamError'],
  'rivulet/diagnostics': ['diagnose'],
  'rivulet/fetch-event-source': ['fetchEventSource', 'fetchEventSourceConnect'],
  'rivulet/inspector': ['inspect'],
  'rivulet/multiplex': ['multiplex'],
  'rivulet/ag-ui': ['agUi'],
  'rivulet/ai-sdk': ['aiSdk'],
  'rivulet/anthropic': ['anthropic'],
  'rivulet/gemini': ['gemini'],
  'rivulet/langgraph': ['langgraph'],
  'rivulet/openai': ['openaiChat', 'openaiResponses'],
  'rivulet/parser': ['createParser', 'encodeEvent', 'EventStreamDecoderStream', 'parseEventStream'],
  'rivulet/partial-json': ['partialJson'],
  'rivulet/persist': ['persist'],
  'rivulet/share': ['shareAcrossTabs'],
  'rivulet/store': ['createFeed', 'createRunStore'],
}
const TYPES = ['AuthProvider', 'Clock', 'Connect', 'Cursor', 'ProtocolEvent', 'StreamErrorCode']

/** The scope of an example, as global declarations: an example's own imports and declarations take precedence. */
const SCOPE = `
${Object.entries(VALUES)
  .flatMap(([entry, names]) => names.map((name) => `declare const ${name}: typeof import('${entry}').${name}`))
  .join('\n')}
${TYPES.map((name) => `type ${name} = import('rivulet').${name}`).join('\n')}
type Protocol<Delta> = import('rivulet').Protocol<Delta>
declare const client: import('rivulet').Client
interface Prices {
  price: { symbol: string; value: number }
  connected: unknown
  done: unknown
}
declare const feed: import('rivulet').Subscription<Prices>
declare const run: import('rivulet').Run
declare const inspector: import('rivulet/inspector').Inspector
declare const error: unknown
declare const cursor: import('rivulet').Cursor
declare const message: import('rivulet').Message
declare const response: Response & { body: ReadableStream<Uint8Array> }
declare const signal: AbortSignal
declare const stopButton: HTMLButtonElement
declare function handle(value: unknown): Promise<void>
declare const id: string
declare const prompt: string
declare const token: string
declare const userId: string
`

/** Compiler messages by file. */
const messages = new Map<string, string[]>()
const project = createDocsProject()
afterAll(() => project.remove())

beforeAll(() => {
  const scope = project.write('scope.d.ts', SCOPE)
  const paths = examples.map(({ code }, index) => project.write(`example-${index}.ts`, `${code}\nexport {}\n`))
  const program = ts.createProgram([scope, ...paths], compilerOptions)
  for (const { file, messageText } of ts.getPreEmitDiagnostics(program)) {
    const name = file?.fileName ?? ''
    messages.set(name, [...(messages.get(name) ?? []), ts.flattenDiagnosticMessageText(messageText, ' ')])
  }
}, 120_000)

test('the sources have more than 80 examples', () => {
  expect(examples.length).toBeGreaterThan(80)
})

test('the scope of the examples compiles', () => {
  expect(messages.get(`${project.folder}/scope.d.ts`) ?? []).toEqual([])
})

test.each(examples.map((example, index) => [example.name, index] as const))('%s: the example compiles', (_, index) => {
  expect(messages.get(`${project.folder}/example-${index}.ts`) ?? [], examples[index]!.code).toEqual([])
})
