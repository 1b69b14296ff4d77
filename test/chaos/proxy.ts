/** A TCP proxy that does to its n-th connection what the n-th link says. */
import { once } from 'node:events'
import { type Server, type Socket, createServer } from 'node:net'
import type { Link } from './connection-faults.ts'
import { pass } from './proxy-connection.ts'
import { host, isTaken, listen, withFreePort } from './ports.ts'

export interface Proxy {
  /** Without a slash at its end. */
  readonly url: string
  /** Connections so far. */
  readonly connections: number
  /** Listens and connects no more. */
  close(): Promise<void>
}

export interface ProxyOptions {
  /** The port of the server. */
  readonly target: number
  readonly links: readonly Link[]
  readonly seed: number
  /** A fault has happened to the client. */
  onFault(kind: string): void
}

const clean: Link = { open: 'forward', delay: 0 }
/** Faults that are no cuts. */
const harmless = /^(delay|torn|server)/

/** Starts it. */
export async function startProxy({ target, links, seed, onFault }: ProxyOptions): Promise<Proxy> {
  const sockets = new Set<Socket>()
  let connections = 0
  let state = 'listening' as 'listening' | 'down' | 'closed'
  let comeBack: NodeJS.Timeout | undefined

  const onConnection = (client: Socket): void => {
    sockets.add(client)
    client.once('close', () => sockets.delete(client))
    const link = links[connections++] ?? clean
    pass({
      client,
      target,
      link,
      seed: seed + connections,
      onFault(kind) {
        if (state === 'closed') return // the client was not hurt by it: it has left
        onFault(kind)
        if (link.down !== undefined && !harmless.test(kind)) goDown(link.down)
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

  const stillDown = (): boolean => state === 'down'
  const goUp = async (): Promise<void> => {
    if (!stillDown()) return
    try {
      server = await open(port)
      // It may have been closed meanwhile.
      if (stillDown()) state = 'listening'
      else server.close()
    } catch (error) {
      if (!isTaken(error)) throw error
      comeBack = setTimeout(goUp, 1)
    }
  }
  const goDown = (ms: number): void => {
    if (state !== 'listening') return
    state = 'down'
    server.close()
    onFault('refused')
    comeBack = setTimeout(goUp, ms)
  }

  return {
    url: `http://${host}:${port}`,
    get connections() {
      return connections
    },
    async close() {
      const wasListening = state === 'listening'
      state = 'closed'
      clearTimeout(comeBack)
      if (wasListening) server.close()
      const closing = [...sockets].map((socket) => once(socket, 'close'))
      for (const socket of sockets) socket.destroy()
      await Promise.all(closing)
    },
  }
}
