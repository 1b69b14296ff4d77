/** The soak's server, in a process of its own: serves the page, and a feed that resets one connection after another. */
import { join } from 'node:path'
import { startMockServer } from '../../mock-server/node/mock-server.ts'
import { type Plan, eventsPerConnection } from './plan.ts'

/** A message from the parent. */
export type SoakServerQuery = 'state'

/** The reply; also sent once, when the server starts listening. */
export interface SoakServerState {
  readonly url: string
  readonly requests: number
  /** Number of clients that read the feed. */
  readonly clients: number
}

const [, , root = '', plan = ''] = process.argv
const { events, reconnects } = JSON.parse(plan) as Plan
const eventsBeforeReset = eventsPerConnection({ events, reconnects })
let requests = 0
let sent = 0

const server = await startMockServer({
  port: 0,
  // Large enough for any client that lags behind.
  history: 8 * eventsBeforeReset,
  scenario: { path: '/api/stream', 'reset-after': eventsBeforeReset, 'cut-at': 'middle' },
  folders: { '/': join(root, 'test/e2e/pages'), '/dist/': join(root, 'dist') },
  onRequest(request) {
    if (!request.url.includes('/api/stream')) return
    requests++
    // Broadcast up to three connections' worth of events ahead of the client: enough to reset this connection, and
    // never more than `history` holds.
    const position = Number(/-(\d+)$/.exec(request.headers.get('last-event-id') ?? '')?.[1] ?? 0)
    const sendUntil = Math.min(events, position + 3 * eventsBeforeReset)
    // Wait until the client is connected, so that its first connection does not start after these events.
    const send = (): void => {
      if (!server.clients.length) return void setImmediate(send)
      while (sent < sendUntil) server.broadcast({ type: 'number', data: sent++ })
    }
    send()
  },
})

const state = (): SoakServerState => ({ url: server.url, requests, clients: server.clients.length })
process.on('message', (query: SoakServerQuery) => query === 'state' && process.send!(state()))
process.on('disconnect', () => process.exit())
process.send!(state())
