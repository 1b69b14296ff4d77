/** The chat page and the chat server of docs/chat.md, in front of a model that the test controls. */
import { readFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import ts from 'typescript'
import { toNode } from '../../server/node.ts'
import { createDocsProject, fileNameOf } from './docs-project.ts'
import { blocks, root } from './markdown.ts'

const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext }
const snippets = blocks.filter(({ document }) => document === 'docs/chat.md')

/** Returns the program that docs/chat.md calls `name`. */
export function programNamed(name: string): string {
  const block = snippets.find(({ flags }) => flags.includes(`file=${name}`))
  if (!block) throw new Error(`docs/chat.md has no program ${name}`)
  return block.code
}

const compile = (name: string): string => ts.transpileModule(programNamed(name), { compilerOptions }).outputText

/** A request to the model, whose response the test writes. */
export interface ModelCall {
  readonly headers: IncomingMessage['headers']
  readonly body: { readonly messages: readonly { readonly role: string; readonly content: readonly object[] }[] }
  readonly response: ServerResponse
  /** Sends an event of Anthropic's API. */
  send(type: string, fields?: object): void
  /** Sends a block of text; it is complete unless `isOpen`. */
  say(index: number, words: string, isOpen?: boolean): void
  /** Ends the answer. */
  end(reason: string): void
}

/** Compiled programs of docs/chat.md that run in this process. */
export interface ChatPrograms {
  /** Imports the program that the document calls `name`. */
  load(name: string): Promise<Record<string, unknown>>
  remove(): void
}

/** Writes the programs of the server to a reader's project, with `replacements` in their texts. */
export function writePrograms(replacements: Readonly<Record<string, string>> = {}): ChatPrograms {
  const project = createDocsProject()
  for (const block of snippets) {
    const name = block.flags.find((flag) => flag.startsWith('file='))?.slice('file='.length)
    if (!name) continue
    const code = Object.entries(replacements).reduce((all, [from, to]) => all.replaceAll(from, to), compile(name))
    project.write(fileNameOf(block, 'js'), code)
  }
  const load = (name: string) => import(/* @vite-ignore */ pathToFileURL(join(project.folder, `${name}.js`)).href)
  return { load, remove: project.remove }
}

async function listen(server: ReturnType<typeof createServer>): Promise<string> {
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Starts a server with Anthropic's API, whose answers the test writes. */
async function startModel(calls: ModelCall[]) {
  const server = createServer(async (request, response) => {
    const body = JSON.parse(await text(request)) as ModelCall['body']
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    const send: ModelCall['send'] = (type, fields = {}) =>
      void response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`)
    send('message_start', { message: { id: `msg_${calls.length}`, usage: { input_tokens: 1, output_tokens: 1 } } })
    const say: ModelCall['say'] = (index, words, isOpen) => {
      send('content_block_start', { index, content_block: { type: 'text', text: '' } })
      send('content_block_delta', { index, delta: { type: 'text_delta', text: words } })
      if (!isOpen) send('content_block_stop', { index })
    }
    const end: ModelCall['end'] = (reason) => {
      send('message_delta', { delta: { stop_reason: reason }, usage: { output_tokens: 2 } })
      send('message_stop')
      response.end()
    }
    calls.push({ headers: request.headers, body, response, send, say, end })
  })
  return { server, url: await listen(server) }
}

/** Starts the site: the page, its program, the package, and the chat server at `/api/chat`. */
export async function startChatSite() {
  const calls: ModelCall[] = []
  const model = await startModel(calls)
  const programs = writePrograms({ 'https://api.anthropic.com': model.url })
  const { chat } = (await programs.load('chat-server')) as { chat: { handler(request: Request): Promise<Response> } }
  const answer = toNode(chat.handler)

  const markup = snippets.find(({ language }) => language === 'html')!.code
  const imports = { rivulet: '/dist/index.js', 'rivulet/persist': '/dist/persist.js' }
  const page = markup.replace('<script', `<script type="importmap">${JSON.stringify({ imports })}</script>\n<script`)
  const files: Record<string, readonly [type: string, content: string]> = {
    '/': ['text/html', page],
    '/chat.js': ['text/javascript', compile('chat')],
    '/favicon.ico': ['image/x-icon', ''],
  }
  const streams = new Set<ServerResponse>()
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url!, 'http://localhost')
    if (pathname === '/api/chat') {
      streams.add(response)
      response.on('close', () => streams.delete(response))
      answer(request, response)
      return
    }
    const [type, content] = files[pathname] ?? ['text/javascript', await readFile(join(root, pathname), 'utf8')]
    response.writeHead(200, { 'content-type': type }).end(content)
  })
  return {
    url: await listen(server),
    calls,
    /** Breaks the connections of the page to the chat server. */
    cut() {
      for (const response of streams) response.destroy()
    },
    async [Symbol.asyncDispose]() {
      for (const one of [server, model.server]) {
        one.closeAllConnections()
        await new Promise((resolve) => void one.close(resolve))
      }
      programs.remove()
    },
  }
}
