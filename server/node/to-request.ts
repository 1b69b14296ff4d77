/** Converts the requests of Node's HTTP servers to `Request` objects. */
import type { IncomingMessage } from 'node:http'

/** Streams the body on demand. Cancelling it discards the rest, so that the connection stays usable. */
function createBodyStream(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  let removeListeners = (): void => undefined
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        return new Promise<void>((resolve) => {
          const finish = (): void => {
            incoming.pause()
            removeListeners()
            resolve()
          }
          const onData = (bytes: Uint8Array): void => {
            finish()
            controller.enqueue(bytes)
          }
          const onEnd = (): void => {
            finish()
            controller.close()
          }
          const onClose = (): void => {
            finish()
            controller.error(new Error('The client disconnected before the request body was complete.'))
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

/** Serializes a body that the host's body parser has already parsed. */
function serializeParsedBody(parsed: unknown): BodyInit {
  if (typeof parsed === 'string' || parsed instanceof Uint8Array) return parsed as BodyInit
  return JSON.stringify(parsed)
}

/** Converts a request; returns `undefined` if `Request` rejects it. `parsedBody` is the host's parsed body, if any. */
export function toRequest(incoming: IncomingMessage, parsedBody: unknown): Request | undefined {
  const { method = 'GET', rawHeaders } = incoming
  // Express strips the mount path from `url`.
  const { originalUrl = incoming.url ?? '/' } = incoming as { originalUrl?: string }
  const scheme = 'encrypted' in incoming.socket && incoming.socket.encrypted ? 'https' : 'http'
  try {
    // `incoming.headers` would be computed and kept for as long as the stream is open.
    const headers = new Headers()
    let authority: string | undefined
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const name = rawHeaders[index]!
      const value = rawHeaders[index + 1]!
      // HTTP/2 sends the host as a pseudo-header.
      if (name === ':authority') authority = value
      if (!name.startsWith(':')) headers.append(name, value)
    }
    const host = headers.get('host') ?? authority ?? 'localhost'
    const url = originalUrl.startsWith('/') ? `${scheme}://${host}${originalUrl}` : originalUrl
    const init: RequestInit & { duplex?: 'half' } = { method, headers }
    if (method !== 'GET' && method !== 'HEAD') {
      const isParsed = parsedBody !== undefined && incoming.readableEnded
      init.body = isParsed ? serializeParsedBody(parsedBody) : createBodyStream(incoming)
      init.duplex = 'half'
    }
    return new Request(url, init)
  } catch {
    return undefined // a method, host or target that `Request` rejects
  }
}
