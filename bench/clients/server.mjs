/** The server process: one handler over HTTP/1.1 and HTTP/2 for the measured streams and the pages' modules. */
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createSecureServer } from 'node:http2'
import { Readable, pipeline } from 'node:stream'
import { createCertificate } from '../certificate.mjs'
import { outDir } from './build-dir.mjs'
import { createCompletion } from './chat.mjs'
import { createPayload, createStream } from './stream.mjs'
import { createRandom } from './random.mjs'

/** Bytes per write, typical of a busy server. */
const WRITE_BYTES = 65_536
/** Time between two events of a feed that sends ten per second. */
const TICK_INTERVAL_MS = 100

const sizes = JSON.parse(process.argv[2])
const events = createStream(sizes.events ?? 0)
const completion = createCompletion(sizes.run ?? 0)
const payloads = (() => {
  const random = createRandom(20260103)
  return Array.from({ length: 64 }, (_, index) => JSON.stringify(createPayload(random, index)))
})()

const startStream = (response) =>
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' })

function* slices(bytes) {
  for (let from = 0; from < bytes.length; from += WRITE_BYTES) yield bytes.subarray(from, from + WRITE_BYTES)
}

function sendAll(bytes, response) {
  startStream(response)
  // `pipeline` respects backpressure. Ignore errors: clients for endless streams disconnect after the last event.
  pipeline(Readable.from(slices(bytes)), response, () => {})
}

const sendEvent = (response, id) =>
  response.write(`id: ${id}\nevent: delta\ndata: ${payloads[id % payloads.length]}\n\n`)

/** Sends one event and keeps the stream open. */
function sendOne(response) {
  startStream(response)
  sendEvent(response, 0)
}

/** Sends ten events per second. The number of the feed shifts its events, so that feeds do not send all at once. */
function sendTicks(feed, response) {
  startStream(response)
  let id = 0
  let timer
  const start = setTimeout(() => {
    timer = setInterval(() => sendEvent(response, id++), TICK_INTERVAL_MS)
  }, feed % TICK_INTERVAL_MS)
  response.once('close', () => {
    clearTimeout(start)
    clearInterval(timer)
  })
}

async function sendModule(pathname, response) {
  try {
    if (!/^\/[\w-]+\/[\w-]+\.mjs$/.test(pathname)) throw new Error('not a module')
    const body = await readFile(`${outDir}${pathname.slice(1)}`)
    response.writeHead(200, { 'content-type': 'text/javascript' }).end(body)
  } catch {
    response.writeHead(404).end()
  }
}

function handle(request, response) {
  // A client that disconnects is no error here.
  response.on('error', () => {})
  const { pathname, searchParams } = new URL(request.url, 'http://localhost')
  if (pathname === '/events') sendAll(events.bytes, response)
  else if (pathname === '/v1/chat/completions') sendAll(completion.bytes, response)
  else if (pathname === '/one') sendOne(response)
  else if (pathname === '/ticks') sendTicks(Number(searchParams.get('feed')), response)
  else if (pathname === '/')
    response
      .writeHead(200, { 'content-type': 'text/html' })
      .end('<!doctype html><title>bench</title><link rel="icon" href="data:,">')
  else void sendModule(pathname, response)
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
process.send({ urls, expected: { ...events.expected, ...completion.expected }, size: events.bytes.length })
process.on('disconnect', () => process.exit())
