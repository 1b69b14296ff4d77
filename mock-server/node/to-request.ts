/** A `Request` out of what Node's HTTP server was sent. */
import type { IncomingMessage } from 'node:http'

/** A request, and what only the socket and the host know about it. */
export interface ConvertedRequest {
  readonly request: Request
  /** Path without `base`. */
  readonly path: string
  /** The prefix under which the host mounted the handler. */
  readonly basePath: string
  readonly peer: 'loopback' | 'remote'
}

const LOOPBACK = /^(::1|(::ffff:)?127\.\d+\.\d+\.\d+)$/

/** The body, read only when it is asked for; what is not wanted is read to nowhere, so that the connection stays usable. */
function createBodyStream(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  let removeListeners = (): void => undefined
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        return new Promise<void>((resolve) => {
          const settle = (): void => {
            incoming.pause()
            removeListeners()
            resolve()
          }
          const onData = (bytes: Uint8Array): void => {
            settle()
            controller.enqueue(bytes)
          }
          const onEnd = (): void => {
            settle()
            controller.close()
          }
          const onClose = (): void => {
            settle()
            controller.error(new Error('The client left before its body had arrived.'))
          }
          removeListeners = () => {
            incoming.off('data', onData).off('end', onEnd).off('close', onClose)
          }
          if (incoming.readableEnded) return onEnd()
          if (incoming.destroyed) return onClose()
          incoming.on('data', onData).on('end', onEnd).on('close', onClose)
          incoming.resume()
        })
      },
      cancel() {
        removeListeners()
        incoming.resume()
      },
    },
    { highWaterMark: 0 },
  )
}

/** What a host's body parser has made of the body, as text again. */
function serializeParsedBody(parsed: unknown): BodyInit {
  if (typeof parsed === 'string' || parsed instanceof Uint8Array) return parsed as BodyInit
  return JSON.stringify(parsed)
}

/** Converts; `undefined` for what cannot be said as a `Request`. `parsedBody` is what a body parser has left of the body. */
export function toRequest(
  incoming: IncomingMessage,
  parsedBody: unknown,
  signal: AbortSignal,
): ConvertedRequest | undefined {
  const { method = 'GET' } = incoming
  // HTTP/2 has a pseudo-header for it.
  const { host = String(incoming.headers[':authority'] ?? 'localhost') } = incoming.headers
  const target = incoming.url ?? '/'
  const { originalUrl = target } = incoming as { originalUrl?: string }
  const scheme = 'encrypted' in incoming.socket && incoming.socket.encrypted ? 'https' : 'http'
  const basePath = originalUrl.endsWith(target) && originalUrl !== target ? originalUrl.slice(0, -target.length) : ''
  try {
    const url = new URL(originalUrl.startsWith('/') ? `${scheme}://${host}${originalUrl}` : originalUrl)
    const headers = new Headers()
    const { rawHeaders } = incoming
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const name = rawHeaders[index]!
      if (!name.startsWith(':')) headers.append(name, rawHeaders[index + 1]!)
    }
    const init: RequestInit & { duplex?: 'half' } = { method, headers, signal }
    if (method !== 'GET' && method !== 'HEAD') {
      init.body =
        parsedBody === undefined || !incoming.readableEnded
          ? createBodyStream(incoming)
          : serializeParsedBody(parsedBody)
      init.duplex = 'half'
    }
    const peer = LOOPBACK.test(incoming.socket.remoteAddress ?? '') ? 'loopback' : 'remote'
    return { request: new Request(url, init), path: url.pathname.slice(basePath.length), basePath, peer }
  } catch {
    return undefined // a method, host or target that no `Request` may have
  }
}
