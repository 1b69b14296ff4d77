/** Forwards one connection through the proxy and injects its faults. */
import { type Socket, connect } from 'node:net'
import type { Cut, ConnectionFaults } from './connection-faults.ts'
import { host } from './ports.ts'
import { createResponseSplitter } from './split-response.ts'

export interface ProxyConnectionOptions {
  readonly client: Socket
  /** The port of the server. */
  readonly target: number
  readonly faults: ConnectionFaults
  readonly seed: number
  /** Called when a fault has affected the client. */
  onFault(kind: string): void
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Resolves once the bytes are written, or the socket is destroyed. */
const write = (socket: Socket, bytes: Uint8Array): Promise<void> =>
  new Promise((resolve) => (socket.destroyed ? resolve() : void socket.write(bytes, () => resolve())))

/** Forwards one connection in both directions until a fault occurs or one side closes. */
export function forwardConnection({ client, target, faults, seed, onFault }: ProxyConnectionOptions): void {
  // An error also closes the socket, and the code below then closes the other side.
  client.on('error', () => undefined)
  client.setNoDelay(true)
  const cut = (action: Cut): void => {
    // Node would never close a socket that is reset while it is ending.
    if (client.writableEnded) client.destroy()
    else if (action === 'reset') client.resetAndDestroy()
    else client.destroySoon()
  }
  if (faults.open !== 'forward') {
    if (faults.open === 'silence') {
      client.resume()
      onFault('silence')
    } else {
      onFault(faults.open === 'reset' ? 'reset at once' : 'end at once')
      cut(faults.open === 'reset' ? 'reset' : 'fin')
    }
    return
  }

  const server = connect(target, host)
  server.on('error', ({ code }: NodeJS.ErrnoException) => code === 'ECONNREFUSED' && onFault('server down'))
  client.once('close', () => server.destroy())

  let requestBytes = 0
  const { request } = faults
  client.on('data', (bytes) => {
    const remainingBytes = request ? Math.max(0, request.afterBytes - requestBytes) : Infinity
    requestBytes += bytes.length
    if (bytes.length <= remainingBytes) return void server.write(bytes)
    server.end(bytes.subarray(0, remainingBytes))
    onFault(`request cut by ${request!.cut}`)
    cut(request!.cut)
  })

  const splitResponse = createResponseSplitter(faults, seed)
  const forward = async (): Promise<void> => {
    if (faults.delayMs || faults.split) reportPacing()
    for await (const chunk of server) {
      if (faults.delayMs) await delay(faults.delayMs)
      for (const { bytes, isLast } of splitResponse(chunk as Uint8Array)) {
        if (bytes.length > 0) await write(client, bytes)
        if (client.destroyed) return
        if (isLast) {
          const { action, region } = faults.response!
          if (action === 'stall') {
            // Half open: the client receives neither data nor FIN.
            onFault('stall')
            return new Promise((resolve) => client.once('close', () => resolve()))
          }
          await nextTurn()
          onFault(`${action} ${region === 'anywhere' || region === 'data' ? 'anywhere' : `inside a ${region}`}`)
          return cut(action)
        }
        if (faults.split) await nextTurn()
      }
    }
    client.end()
  }
  const reportPacing = (): void => {
    if (faults.delayMs) onFault('delay')
    if (faults.split) onFault(`split by ${faults.split}`)
  }
  forward().then(
    () => server.destroy(),
    // The server is down or was killed.
    () => cut('reset'),
  )
}
