/** Sinks on the responses of Node's HTTP servers. */
import { ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'
import { constants } from 'node:http2'
import type { Socket } from 'node:net'
import type { Sink, Source } from '../stream/sink.ts'
import { toChunk } from './chunked.ts'
import type { Compressor } from './compressor.ts'

/** Closes the connection at once. On HTTP/2, resets only the stream. */
function cutSocket(response: ServerResponse): void {
  if ('stream' in response) (response as unknown as Http2ServerResponse).stream.close(constants.NGHTTP2_CANCEL)
  else response.destroy()
}

/** Whatever takes the bytes of a response: the response, or its socket. */
interface Target {
  write(bytes: Uint8Array): boolean
  on(event: 'drain', listener: () => void): unknown
  off(event: 'drain', listener: () => void): unknown
}

/** Writes through the response, which may compress or encode what it gets. */
class ResponseSink implements Sink {
  readonly response: ServerResponse

  constructor(response: ServerResponse) {
    this.response = response
  }

  get target(): Target {
    return this.response
  }

  write(bytes: Uint8Array): boolean {
    return this.response.write(bytes)
  }

  end(): void {
    this.response.end()
  }

  cut(): void {
    cutSocket(this.response)
  }
}

/** Writes to the socket, with a chunk that all responses share: the response would write each of its parts by itself. */
class SocketSink extends ResponseSink {
  readonly #socket: Socket

  constructor(response: ServerResponse, socket: Socket) {
    super(response)
    this.#socket = socket
  }

  override get target(): Target {
    return this.#socket
  }

  override write(bytes: Uint8Array): boolean {
    return this.#socket.write(toChunk(bytes))
  }
}

/**
 * Whether the bytes of a response may be written to its socket: it is chunked, it is the current response of its
 * connection, and no middleware has replaced `write`.
 */
const isPlain = (response: ServerResponse): boolean =>
  response.chunkedEncoding && response.write === ServerResponse.prototype.write

/** Starts a reader whose bytes go to a response whose headers were sent. */
export function pipeSource(source: Source, response: ServerResponse): void {
  const { socket } = response
  if (response.destroyed) return source.leave()
  const sink = socket && isPlain(response) ? new SocketSink(response, socket) : new ResponseSink(response)
  const { target } = sink
  const onDrain = (): void => source.drained()
  target.on('drain', onDrain)
  response.on('close', () => {
    target.off('drain', onDrain)
    source.leave()
  })
  source.start(sink)
}

/** Starts a reader whose bytes are compressed; each write is flushed. */
export function pipeCompressed(source: Source, response: ServerResponse, compressor: Compressor): void {
  if (response.destroyed) {
    compressor.close()
    return source.leave()
  }
  let isCompressing = false
  let isEnding = false
  const end = (): void => {
    void compressor.finish().then((bytes) => response.end(bytes))
  }
  const sink: Sink = {
    /** Takes no more bytes until these are compressed, so that the encoder holds one write. */
    write(bytes) {
      isCompressing = true
      void compressor.compress(bytes).then((compressed) => {
        isCompressing = false
        if (response.destroyed) return
        const hasRoom = response.write(compressed)
        if (isEnding) end()
        else if (hasRoom) source.drained()
      })
      return false
    },
    end() {
      isEnding = true
      if (!isCompressing) end()
    },
    cut: () => cutSocket(response),
  }
  response.on('drain', () => {
    if (!isCompressing) source.drained()
  })
  response.on('close', () => {
    compressor.close()
    source.leave()
  })
  source.start(sink)
}
