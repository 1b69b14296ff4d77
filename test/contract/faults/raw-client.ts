/** A client that is nothing but a socket, so that it can do what none should. */
import { type Socket, connect } from 'node:net'

export interface RawClient {
  readonly socket: Socket
  /** What it has received. */
  readonly received: string
  /** Settles when the connection is gone, whoever ended it. */
  readonly closed: Promise<void>
}

/** Connects, and sends `lines` as the head of a request, which ends unless `open` is said. */
export function openRawClient(port: number, lines: string[], head: 'complete' | 'open' = 'complete'): RawClient {
  const socket = connect(port, '127.0.0.1')
  let received = ''
  socket.on('data', (bytes) => (received += bytes.toString('latin1')))
  socket.on('error', () => {}) // a reset is one of the things it is for
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

/** The head of a GET. */
export const get = (path: string): string[] => [`GET ${path} HTTP/1.1`, 'Host: localhost']
