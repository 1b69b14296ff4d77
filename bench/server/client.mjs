/** A client that asks for one encoding, and counts what really came. */
import { request } from 'node:http'
import { constants, createBrotliDecompress, createGunzip } from 'node:zlib'

/** Encodings, in the order of the tables. */
export const encodings = ['identity', 'gzip', 'br']

const decoders = {
  identity: () => undefined,
  gzip: () => createGunzip({ flush: constants.Z_SYNC_FLUSH }),
  br: () => createBrotliDecompress({ flush: constants.BROTLI_OPERATION_FLUSH }),
}

/** Opens `url`; `onText` hears each piece of text as soon as it is readable. */
export function open(url, encoding, onText = () => {}) {
  const asked = request(url, { agent: false, headers: { 'accept-encoding': encoding } })
  let socket
  asked.on('socket', (one) => (socket = one))
  const ended = new Promise((resolve, reject) => {
    asked.on('error', reject)
    asked.on('response', (response) => {
      if ((response.headers['content-encoding'] ?? 'identity') !== encoding) reject(new Error(`Not in ${encoding}`))
      const decoder = decoders[encoding]()
      const body = decoder ? response.pipe(decoder) : response
      body.setEncoding('utf8').on('data', onText).on('end', resolve).on('error', reject)
    })
  })
  // Left on purpose: what ends then is of nobody's interest.
  ended.catch(() => {})
  asked.end()
  return {
    ended,
    /** Bytes that came on the socket: heads, chunk sizes and all. */
    get bytes() {
      return socket.bytesRead
    },
    leave: () => asked.destroy(),
  }
}
