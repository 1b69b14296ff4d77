/** One handler over HTTP/1.1 and HTTP/2: the mock server's streams, the built package, and an empty page. */
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createSecureServer } from 'node:http2'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { createMock } from '../../dist/mock.js'
import { createCertificate } from '../certificate.mjs'

const dist = fileURLToPath(new URL('../../dist/', import.meta.url))
/** The page, whose modules come from the built package at this path. */
const html = (path) =>
  `<!doctype html><title>bench</title><link rel="icon" href="data:,"><script type="importmap">{"imports":{"rivulet":"${path}index.js","rivulet/multiplex":"${path}multiplex.js"}}</script>`
const pages = { '/': html('/dist/'), '/baseline': html('/baseline/dist/') }

async function respond({ mock, folders }, request, response) {
  const { pathname } = new URL(request.url, 'http://localhost')
  if (pages[pathname]) return void response.writeHead(200, { 'content-type': 'text/html' }).end(pages[pathname])
  const folder = Object.keys(folders).find((prefix) => pathname.startsWith(prefix))
  if (folder) {
    const body = await readFile(folders[folder] + pathname.slice(folder.length))
    return void response.writeHead(200, { 'content-type': 'text/javascript' }).end(body)
  }
  const closed = new AbortController()
  response.once('close', () => closed.abort())
  const headers = Object.entries(request.headers).filter(([name]) => !name.startsWith(':'))
  const body = request.method === 'POST' ? await buffer(request) : undefined
  const {
    status,
    headers: responseHeaders,
    body: stream,
  } = await mock.fetch(request.url, { method: request.method, headers, body, signal: closed.signal })
  response.writeHead(status, Object.fromEntries([...responseHeaders].filter(([name]) => name !== 'connection')))
  response.flushHeaders?.()
  for await (const chunk of stream ?? []) {
    if (response.write(chunk)) continue
    await new Promise((resolve) => {
      response.once('drain', resolve)
      closed.signal.addEventListener('abort', resolve, { once: true })
    })
  }
  response.end()
}

/**
 * Starts both servers; `urls.http2` is missing if no certificate can be created. The page `/baseline` runs the package
 * built in `baselineDir`, against the same mock server.
 */
export async function startServers({ baselineDir } = {}) {
  const folders = {
    '/dist/': dist,
    '/bench/': fileURLToPath(new URL('./', import.meta.url)),
    ...(baselineDir && { '/baseline/dist/': join(baselineDir, 'dist/') }),
  }
  const mock = createMock({ history: 1_000_000, heartbeat: 0 })
  const handle = (request, response) => {
    respond({ mock, folders }, request, response).catch(() => response.destroy())
  }
  const certificate = createCertificate()
  const servers = {
    http1: createServer(handle),
    ...(certificate && {
      http2: createSecureServer({ ...certificate, settings: { maxConcurrentStreams: 1_000 } }, handle),
    }),
  }
  const urls = {}
  for (const [name, server] of Object.entries(servers)) {
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
    urls[name] = `${name === 'http2' ? 'https' : 'http'}://127.0.0.1:${server.address().port}`
  }
  return {
    mock,
    urls,
    close() {
      mock.close()
      for (const server of Object.values(servers)) server.close()
    },
  }
}
