/** A server whose responses are described in the query of the URL. It listens on two ports: two origins of one site. */
import { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { CannedResponse, ReceivedRequest } from './case.ts'

export interface CannedResponseServer {
  /** Base URL, without a trailing slash. */
  readonly url: string
  /** Base URL of the same server on another origin. */
  readonly otherUrl: string
  close(): Promise<void>
}

/** Static files: content type and text by path. */
export type Files = Readonly<Record<string, readonly [type: string, text: string]>>

/** Replaces each `{name}` with the request header of that name, decoded as UTF-8. */
function fillPlaceholders(body: string, headers: IncomingHttpHeaders): string {
  return body.replace(/\{([\w-]+)\}/g, (_all, name: string) =>
    Buffer.from(String(headers[name] ?? ''), 'latin1').toString(),
  )
}

async function readText(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text
}

/**
 * Starts the server, with two routes:
 * - `/answer?key=…&answers=[…]`: the first request with a key gets the first response, and so on; the last response is repeated.
 * - `/requests?key=…`: the requests with that key, as JSON.
 */
export async function startCannedResponseServer(files: Files = {}): Promise<CannedResponseServer> {
  const receivedRequests = new Map<string, ReceivedRequest[]>()
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://server')
    const file = files[pathname]
    if (file) return void response.writeHead(200, { 'content-type': file[0] }).end(file[1])
    const key = searchParams.get('key') ?? ''
    const requests = receivedRequests.get(key) ?? []
    receivedRequests.set(key, requests)
    if (pathname === '/requests') {
      return void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(requests))
    }
    const answers = JSON.parse(searchParams.get('answers') ?? '[{}]') as CannedResponse[]
    const index = requests.filter(({ method }) => method !== 'OPTIONS').length
    const { method = '', headers } = request
    requests.push({ method, headers: headers as Record<string, string>, body: await readText(request) })
    // A case that expects no response may still send its request before it closes the stream.
    const answer = answers[Math.min(index, answers.length - 1)] ?? {}
    if (method === 'OPTIONS') {
      return void response
        .writeHead(answer.preflightStatus ?? 204, {
          'access-control-allow-origin': headers.origin ?? '*',
          'access-control-allow-headers': headers['access-control-request-headers'] ?? '',
        })
        .end()
    }
    if (answer.cut === 'head') return void request.socket.destroy()
    const responseHeaders = Object.entries(answer.headers ?? {}).map(([name, value]) => [
      name,
      fillPlaceholders(value, headers),
    ])
    response.writeHead(answer.status ?? 200, {
      'content-type': answer.type ?? 'text/event-stream',
      ...Object.fromEntries(responseHeaders),
    })
    response.flushHeaders()
    for (const part of [answer.body ?? 'data: data\n\n'].flat()) response.write(fillPlaceholders(part, headers))
    if (answer.cut === 'body') response.write('data: par', () => request.socket.destroy())
    else if (!answer.staysOpen) response.end()
  }

  const servers = [createServer(), createServer()]
  const urls = await Promise.all(
    servers.map(
      (server) =>
        new Promise<string>((resolve) => {
          server.on('request', (request, response) => void handle(request, response))
          server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
        }),
    ),
  )
  return {
    url: urls[0]!,
    otherUrl: urls[1]!,
    async close() {
      await Promise.all(
        servers.map(
          (server) =>
            new Promise((resolve) => {
              server.close(resolve)
              server.closeAllConnections()
            }),
        ),
      )
    },
  }
}
