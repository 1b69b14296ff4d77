/** A TCP proxy that does to its n-th connection what the n-th link says. */
import { once } from 'node:events'
import { type Server, type Socket, createServer } from 'node:net'
import type { ConnectionFaults } from './connection-faults.ts'
import { forwardConnection } from './proxy-connection.ts'
import { host, isPortTaken, listen, withFreePort } from './ports.ts'

export interface Proxy {
  /** Without a slash at its end. */
  readonly url: string
  /** Connections so far. */
  readonly connectionCount: number
  /** Listens and connects no more. */
  close(): Promise<void>
}

export interface ProxyOptions {
  /** The port of the server. */
  readonly target: number
  readonly connectionFaults: readonly ConnectionFaults[]
  readonly seed: number
  /** A fault has happened to the client. */
  onFault(kind: string): void
}

const NO_FAULTS: ConnectionFaults = { open: 'forward', delayMs: 0 }
/** Faults that are no cuts. */
const NON_CUT_FAULTS = /^(delay|torn|server)/

/** Starts it. */
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
      target,
      faults,
      seed: seed + connectionCount,
      onFault(kind) {
        if (state === 'closed') return // the client was not hurt by it: it has left
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
      // It may have been closed meanwhile.
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
