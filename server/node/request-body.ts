/** The bodies of the requests of Node's HTTP servers. */
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

/** Returns the body of a request: the one that the host's body parser has already read and parsed, or a stream of it. */
export function createRequestBody(incoming: IncomingMessage, parsedBody: unknown): BodyInit {
  const isParsed = parsedBody !== undefined && incoming.readableEnded
  return isParsed ? serializeParsedBody(parsedBody) : createBodyStream(incoming)
}
