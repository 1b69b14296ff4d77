/** A client that uses a plain TCP socket, for behavior that no HTTP client allows. */
import { type Socket, connect } from 'node:net'

export interface RawClient {
  readonly socket: Socket
  /** Everything received so far, as Latin-1. */
  readonly received: string
  /** Resolves when the connection is closed by either side. */
  readonly closed: Promise<void>
}

/** Connects and sends `lines` as a request head. With `'open'`, the head is left unfinished. */
export function openRawClient(port: number, lines: string[], head: 'complete' | 'open' = 'complete'): RawClient {
  const socket = connect(port, '127.0.0.1')
  let received = ''
  socket.on('data', (bytes) => (received += bytes.toString('latin1')))
  socket.on('error', () => {}) // tests reset connections on purpose
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.write(lines.join('\r\n') + (head === 'complete' ? '\r\n\r\n' : ''))
  return {
    socket,
    closed,
    get received() {
      return received
    },
  }
}

/** Returns the lines in the head of a GET request. */
export const get = (path: string): string[] => [`GET ${path} HTTP/1.1`, 'Host: localhost']
