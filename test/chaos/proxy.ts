/** A TCP proxy that applies the n-th set of faults to its n-th connection. */
import { once } from 'node:events'
import { type Server, type Socket, createServer } from 'node:net'
import type { ConnectionFaults } from './connection-faults.ts'
import { host, isPortTaken, listen, withFreePort } from './ports.ts'
import { forwardConnection } from './proxy-connection.ts'

export interface Proxy {
  /** Base URL, without a trailing slash. */
  readonly url: string
  /** Number of connections accepted so far. */
  readonly connectionCount: number
  /** Stops listening and destroys all connections. */
  close(): Promise<void>
}

export interface ProxyOptions {
  /** The port of the server, or a function that returns that of the n-th connection, counted from 1. */
  readonly target: number | ((connection: number) => number)
  readonly connectionFaults: readonly ConnectionFaults[]
  readonly seed: number
  /** Called when a fault has affected the client. */
  onFault(kind: string): void
}

const NO_FAULTS: ConnectionFaults = { open: 'forward', delayMs: 0 }
/** Faults that do not cut the connection at this proxy. */
const NON_CUT_FAULTS = /^(delay|split|server)/

/** Starts a proxy on a free port. */
export async function startProxy({ target, connectionFaults, seed, onFault }: ProxyOptions): Promise<Proxy> {
  const sockets = new Set<Socket>()
  let connectionCount = 0
  let state = 'listening' as 'listening' | 'down' | 'closed'
  let relistenTimer: NodeJS.Timeout | undefined

  const onConnection = (client: Socket): void => {
    sockets.add(client)
    client.once('close', () => sockets.delete(client))
    const faults = connectionFaults[connectionCount++] ?? NO_FAULTS
    forwardConnection({
      client,
      target: typeof target === 'number' ? target : target(connectionCount),
      faults,
      seed: seed + connectionCount,
      onFault(kind) {
        if (state === 'closed') return // the client has left, so it was not affected
        onFault(kind)
        if (faults.downMs !== undefined && !NON_CUT_FAULTS.test(kind)) stopListening(faults.downMs)
      },
    })
  }
  const open = async (port: number): Promise<Server> => {
    const opening = createServer(onConnection)
    await listen(opening, port)
    return opening
  }
  let server: Server
  const port = await withFreePort(async (free) => {
    server = await open(free)
    return free
  })

  const isDown = (): boolean => state === 'down'
  const resumeListening = async (): Promise<void> => {
    if (!isDown()) return
    try {
      server = await open(port)
      // The proxy may have been closed while it was reopening the port.
      if (isDown()) state = 'listening'
      else server.close()
    } catch (error) {
      if (!isPortTaken(error)) throw error
      relistenTimer = setTimeout(resumeListening, 1)
    }
  }
  const stopListening = (ms: number): void => {
    if (state !== 'listening') return
    state = 'down'
    server.close()
    onFault('refused')
    relistenTimer = setTimeout(resumeListening, ms)
  }

  return {
    url: `http://${host}:${port}`,
    get connectionCount() {
      return connectionCount
    },
    async close() {
      const wasListening = state === 'listening'
      state = 'closed'
      clearTimeout(relistenTimer)
      if (wasListening) server.close()
      const closing = [...sockets].map((socket) => once(socket, 'close'))
      for (const socket of sockets) socket.destroy()
      await Promise.all(closing)
    },
  }
}
