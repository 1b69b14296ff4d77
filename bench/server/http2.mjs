/** A mock server on HTTP/2, to compare plain streams over it; also accepts HTTP/1.1. */
import { once } from 'node:events'
import { createSecureServer } from 'node:http2'
import { createCertificate } from './certificate.mjs'

/**
 * Starts the server with the module that `buildServer()` returns. `fallback(request, response)` handles unknown paths.
 * Chromium needs `ignoreHTTPSErrors`.
 */
export async function startHttp2(
  { createNodeHandler, createService },
  options = {},
  fallback = (_request, response) => response.writeHead(404).end(),
) {
  const service = createService(options)
  const handler = createNodeHandler(service, options)
  const sessions = new Set()
  const server = createSecureServer({ ...createCertificate(), allowHTTP1: true }, (request, response) => {
    handler(request, response, () => fallback(request, response))
  })
  server.on('session', (session) => {
    sessions.add(session)
    session.once('close', () => sessions.delete(session))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `https://127.0.0.1:${server.address().port}`,
    service,
    /** Number of HTTP/2 connections. */
    get sessions() {
      return sessions.size
    },
    async close() {
      service.close()
      handler.close()
      for (const session of sessions) session.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
