/** Ports that stay ours while nobody listens on them: outside the range from which systems choose for others. */
import { once } from 'node:events'
import { randomInt } from 'node:crypto'
import type { Server } from 'node:net'

const FIRST_PORT = 12_000
const PORT_COUNT = 18_000

// Not from the seed: two processes that run the same one must not meet.
let next = randomInt(PORT_COUNT)

export const host = '127.0.0.1'

/** A port to try. */
function nextPort(): number {
  next = (next + 1) % PORT_COUNT
  return FIRST_PORT + next
}

export const isPortTaken = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'EADDRINUSE'

/** Resolves once it listens; rejects where the port is taken. */
export async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, host)
  await once(server, 'listening')
}

/** Does what needs a port with the first that is free. */
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
