/** A TCP proxy whose target a test can replace, as an address that follows a failover does. */
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { connect, createServer } from 'node:net'

export interface TcpProxy {
  readonly port: number
  /** Cuts all connections; further ones reach `port`. */
  pointTo(port: number): void
  /** Whether bytes are held back in both directions, as by a network that loses them. */
  isStalled: boolean
  close(): Promise<void>
}

/** Starts a proxy to a port of this machine. */
export async function startTcpProxy(target: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  let port = target
  const proxy = createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from)
      from.on('data', (bytes) => handle.isStalled || to.write(bytes))
      from.on('error', () => to.destroy())
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
    }
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  const handle: TcpProxy = {
    port: (proxy.address() as AddressInfo).port,
    isStalled: false,
    pointTo(newPort) {
      port = newPort
      cut()
    },
    async close() {
      proxy.close()
      cut()
      await once(proxy, 'close')
    },
  }
  return handle
}
