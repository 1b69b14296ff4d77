/** Ports outside the ephemeral range, so that a server that is down for a while can reopen the same port. */
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import type { Server } from 'node:net'
import { createServer } from 'node:net'

const FIRST_PORT = 12_000
const PORT_COUNT = 18_000

// Random rather than seeded: two processes that run the same seed must not use the same ports.
let next = randomInt(PORT_COUNT)

export const host = '127.0.0.1'

/** Returns the next candidate port. */
function nextPort(): number {
  next = (next + 1) % PORT_COUNT
  return FIRST_PORT + next
}

export const isPortTaken = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'EADDRINUSE'

/** Resolves once the server listens; rejects if the port is taken. */
export async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, host)
  await once(server, 'listening')
}

/** Calls `use` with candidate ports until one is free. */
export async function withFreePort<Value>(use: (port: number) => Promise<Value>): Promise<Value> {
  for (;;) {
    const port = nextPort()
    try {
      return await use(port)
    } catch (error) {
      if (!isPortTaken(error)) throw error
    }
  }
}

/** Finds a port for a process that may be down for a while, when nothing else may take its port. */
export const findFreePort = (): Promise<number> =>
  withFreePort(async (port) => {
    const server = createServer()
    await listen(server, port)
    server.close()
    await once(server, 'close')
    return port
  })
