/** Passes requests on to another server, as a reverse proxy does. */
import { request as sendRequest } from 'node:http'
import { pipeline } from 'node:stream'

const titles = { 404: 'Not Found', 503: 'Service Unavailable' }

/** Responds with a problem document. */
export function sendProblem(response, status, detail) {
  response.writeHead(status, {
    'content-type': 'application/problem+json',
    ...(status === 503 && { 'retry-after': '1' }),
  })
  response.end(`${JSON.stringify({ type: 'about:blank', title: titles[status], status, detail })}\n`)
}

/** Headers that concern one connection, and are not passed on. */
const hopHeaders = new Set(['connection', 'keep-alive', 'transfer-encoding'])
const endToEnd = (headers) => Object.fromEntries(Object.entries(headers).filter(([name]) => !hopHeaders.has(name)))

/** Passes a request on to a port of this machine, and its response back. If the server there dies, the response breaks off. */
export function forward(request, response, port) {
  const { method, url, headers } = request
  const upstream = sendRequest({ host: '127.0.0.1', port, method, path: url, headers: endToEnd(headers), agent: false })
  const abort = () => {
    upstream.destroy()
    response.destroy()
  }
  upstream.on('error', abort)
  upstream.on('response', (answer) => {
    response.writeHead(answer.statusCode, endToEnd(answer.headers))
    response.flushHeaders()
    response.socket?.setNoDelay(true)
    pipeline(answer, response, (error) => error && abort())
  })
  response.on('close', () => upstream.destroy())
  request.pipe(upstream)
}
