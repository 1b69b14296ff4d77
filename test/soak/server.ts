/** The soak's server, a process of its own: a feed whose connections are reset one after the other, and a page. */
import { join } from 'node:path'
import { startMockServer } from '../../mock-server/node/mock-server.ts'
import { type Plan, eventsPerConnection } from './plan.ts'

/** What it is asked for, by message. */
export type SoakServerQuery = 'state'

/** What it answers; the first one comes unasked, when it listens. */
export interface SoakServerState {
  readonly url: string
  readonly requests: number
  /** Who reads the feed. */
  readonly clients: number
}

const [, , root = '', plan = ''] = process.argv
const { events, reconnects } = JSON.parse(plan) as Plan
const eventsBeforeReset = eventsPerConnection({ events, reconnects })
let requests = 0
let sent = 0

const server = await startMockServer({
  port: 0,
  // Nobody falls further behind than what is kept.
  history: 8 * eventsBeforeReset,
  scenario: { path: '/api/stream', 'reset-after': eventsBeforeReset, 'cut-at': 'middle' },
  folders: { '/': join(root, 'test/e2e/pages'), '/dist/': join(root, 'dist') },
  onRequest(request) {
    if (!request.url.includes('/api/stream')) return
    requests++
    // Three connections' worth ahead of the client: enough to reset this one, and never more than is kept.
    const position = Number(/-(\d+)$/.exec(request.headers.get('last-event-id') ?? '')?.[1] ?? 0)
    const sendUntil = Math.min(events, position + 3 * eventsBeforeReset)
    // Once the client is there, so that a first one does not begin behind them.
    const send = (): void => {
      if (!server.clients.length) return void setImmediate(send)
      while (sent < sendUntil) server.broadcast({ type: 'number', data: sent++ })
    }
    send()
  },
})

const state = (): SoakServerState => ({ url: server.url, requests, clients: server.clients.length })
process.on('message', (question: SoakServerQuery) => question === 'state' && process.send!(state()))
process.on('disconnect', () => process.exit())
process.send!(state())
