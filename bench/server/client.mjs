/** A client that requests one encoding and counts the bytes that it receives. */
import { request } from 'node:http'
import { constants, createBrotliDecompress, createGunzip } from 'node:zlib'

/** The encodings, in the order of the tables. */
export const encodings = ['identity', 'gzip', 'br']

const decoders = {
  identity: () => undefined,
  gzip: () => createGunzip({ flush: constants.Z_SYNC_FLUSH }),
  br: () => createBrotliDecompress({ flush: constants.BROTLI_OPERATION_FLUSH }),
}

/** Requests `url`; `onText` is called with each piece of text as soon as it is readable. */
export function open(url, encoding, onText = () => {}) {
  const clientRequest = request(url, { agent: false, headers: { 'accept-encoding': encoding } })
  let socket
  clientRequest.on('socket', (assigned) => (socket = assigned))
  const ended = new Promise((resolve, reject) => {
    clientRequest.on('error', reject)
    clientRequest.on('response', (response) => {
      if ((response.headers['content-encoding'] ?? 'identity') !== encoding)
        reject(new Error(`The response is not encoded with ${encoding}`))
      const decoder = decoders[encoding]()
      const body = decoder ? response.pipe(decoder) : response
      body.setEncoding('utf8').on('data', onText).on('end', resolve).on('error', reject)
    })
  })
  // A caller that leaves early does not await `ended`, so a rejection would be unhandled.
  ended.catch(() => {})
  clientRequest.end()
  return {
    ended,
    /** Number of bytes received, including headers and chunk sizes. */
    get bytes() {
      return socket.bytesRead
    },
    leave: () => clientRequest.destroy(),
  }
}
