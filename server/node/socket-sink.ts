/** Sinks on the responses of Node's HTTP servers. */
import type { ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'
import { constants } from 'node:http2'
import type { Sink, Source } from '../stream/sink.ts'
import type { Compressor } from './compressor.ts'

/** Closes the connection at once. On HTTP/2, resets only the stream. */
function cutSocket(response: ServerResponse): void {
  if ('stream' in response) (response as unknown as Http2ServerResponse).stream.close(constants.NGHTTP2_CANCEL)
  else response.destroy()
}

/** Starts a reader whose bytes go straight to a response. */
export function pipeSource(source: Source, response: ServerResponse): void {
  if (response.destroyed) return source.leave()
  response.on('close', () => source.leave())
  response.on('drain', () => source.drained())
  source.start({
    write: (bytes) => response.write(bytes),
    end: () => void response.end(),
    cut: () => cutSocket(response),
  })
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
