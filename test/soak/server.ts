/** The soak's server, in a process of its own: serves the page, and a feed that resets one connection after another. */
import { join } from 'node:path'
import { startMockServer } from '../../mock-server/node/mock-server.ts'
import { parseId } from '../../server/stream/wire-id.ts'
import { type Plan, eventsPerConnection } from './plan.ts'

/** A message from the parent. */
export type SoakServerQuery = 'state'

/** The reply; also sent once, when the server starts listening. */
export interface SoakServerState {
  readonly url: string
  /**
   * ID before the first event. A client that starts from it loses nothing, even if its first connection is reset before
   * it has read a byte; without a last event ID, its second connection would start at the newest event.
   */
  readonly startId: string
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
    const position = parseId(request.headers.get('last-event-id') ?? '')?.position ?? 0
    const sendUntil = Math.min(events, position + 3 * eventsBeforeReset)
    while (sent < sendUntil) server.broadcast({ type: 'number', data: sent++ })
  },
})

const startId = server.service.feed('/api/stream').lastEventId
const state = (): SoakServerState => ({ url: server.url, startId, requests, clients: server.clients.length })
process.on('message', (query: SoakServerQuery) => query === 'state' && process.send!(state()))
process.on('disconnect', () => process.exit())
process.send!(state())
