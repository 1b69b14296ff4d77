/** Each TypeScript, JavaScript and HTML snippet in the documents compiles against the published types with strict settings. */
import ts from 'typescript'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { compilerOptions } from './compiler-options.ts'
import { createDocsProject, fileNameOf, programOf } from './docs-project.ts'
import { blocks } from './markdown.ts'

const checked = blocks.filter(({ language }) => ['ts', 'js', 'html'].includes(language))

/** Declarations of the globals and frameworks that snippets use. */
const GLOBAL_DECLARATIONS = `
/// <reference types="svelte" />
declare const Rivulet: typeof import('rivulet')
declare const RivuletEventSource: typeof import('rivulet/event-source')
declare module 'express' {
  import type { IncomingMessage, Server, ServerResponse } from 'node:http'
  type Handler = (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void
  interface Express {
    use(path: string, handler: Handler): void
    get(path: string, handler: Handler): void
    listen(port: number): Server
  }
  export default function express(): Express
}
declare module 'better-sse' {
  import type { IncomingMessage, ServerResponse } from 'node:http'
  interface Session {}
  export function createSession(request: IncomingMessage, response: ServerResponse): Promise<Session>
  export function createChannel(): { register(session: Session): void; broadcast(data: unknown, type?: string): void }
}
declare module '@vercel/functions' {
  export function waitUntil(promise: Promise<unknown>): void
}
declare module 'openai' {
  interface Body { stream: true; model: string; messages: object[] }
  interface Chunk { choices: { delta?: { content?: string | null } }[] }
  interface ApiPromise<Result> extends Promise<Result> { asResponse(): Promise<Response> }
  export default class OpenAI {
    constructor(options?: { apiKey?: string; dangerouslyAllowBrowser?: boolean })
    chat: { completions: { create(body: Body, options?: { signal?: AbortSignal }): ApiPromise<AsyncIterable<Chunk>> } }
  }
}
declare module 'ai' {
  export class DefaultChatTransport { constructor(options?: { api?: string }) }
}
declare module '@ai-sdk/react' {
  import type { DefaultChatTransport } from 'ai'
  export function useChat(options?: { transport?: DefaultChatTransport }): {
    messages: { id: string; role: 'system' | 'user' | 'assistant'; parts: { type: string }[] }[]
    sendMessage(message: { text: string }): Promise<void>
    status: 'submitted' | 'streaming' | 'ready' | 'error'
    stop(): Promise<void>
    error: Error | undefined
  }
}
`

/** Compiler messages by file. */
const messages = new Map<string, string[]>()
const project = createDocsProject()
afterAll(() => project.remove())

beforeAll(() => {
  const declarations = project.write('globals.d.ts', GLOBAL_DECLARATIONS)
  const paths = checked.map((block) => project.write(fileNameOf(block), programOf(block).text))
  const program = ts.createProgram([declarations, ...paths], compilerOptions)
  for (const { file, start = 0, messageText } of ts.getPreEmitDiagnostics(program)) {
    const { line = 0 } = file?.getLineAndCharacterOfPosition(start) ?? {}
    const name = file?.fileName ?? ''
    messages.set(name, [
      ...(messages.get(name) ?? []),
      `${line + 1}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
    ])
  }
}, 120_000)

test('the documents have more than 30 snippets', () => {
  expect(checked.length).toBeGreaterThan(30)
})

test.each(checked)('$name: the snippet compiles', (block) => {
  expect(messages.get(`${project.folder}/${fileNameOf(block)}`) ?? []).toEqual([])
})

test('no file other than the snippets has compiler errors', () => {
  const known = new Set(checked.map((block) => `${project.folder}/${fileNameOf(block)}`))
  expect([...messages].filter(([file]) => !known.has(file))).toEqual([])
})
