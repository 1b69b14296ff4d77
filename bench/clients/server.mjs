/** The server process: sends the stream as fast as it is read, and serves the pages' modules. */
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { Readable, pipeline } from 'node:stream'
import { outDir } from './build-dir.mjs'
import { createStream } from './stream.mjs'

/** Bytes per write, typical of a busy server. */
const WRITE_BYTES = 65_536

const [, , count] = process.argv
const { bytes, expected } = createStream(Number(count))

function* slices() {
  for (let from = 0; from < bytes.length; from += WRITE_BYTES) yield bytes.subarray(from, from + WRITE_BYTES)
}

function sendEvents(response) {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' })
  // `pipeline` respects backpressure. Ignore errors: clients for endless streams disconnect after the last event.
  pipeline(Readable.from(slices()), response, () => {})
}

async function sendModule(pathname, response) {
  try {
    if (!/^\/[\w-]+\.mjs$/.test(pathname)) throw new Error('not a module')
    const body = await readFile(`${outDir}${pathname.slice(1)}`)
    response.setHeader('content-type', 'text/javascript').end(body)
  } catch {
    response.writeHead(404).end()
  }
}

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://localhost')
  if (pathname === '/events') sendEvents(response)
  else if (pathname === '/') response.setHeader('content-type', 'text/html').end('<!doctype html><title>bench</title>')
  else void sendModule(pathname, response)
})
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port, expected, size: bytes.length }))
process.on('disconnect', () => process.exit())
