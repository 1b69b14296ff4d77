/** The transports under test: every `Connect` implementation. */
import type { Connect } from '../../src/connect/connect.ts'
import { fetchConnect } from '../../src/connect/fetch.ts'
import { multiplex } from '../../src/multiplex.ts'
import { createLeaderConnect } from '../contract/share-connect.ts'

/** A named `Connect` factory. */
export interface Transport {
  readonly name: string
  /** Creates the `Connect` of one client. */
  connect(fetch: typeof globalThis.fetch): Connect
  /** Whether the transport needs a server that has channels. */
  readonly needsChannel?: true
  /** Number of attempts that one broken connection may cost. @defaultValue 1 */
  readonly attemptsPerFault?: number
}

/** All transports; a new `Connect` implementation needs an entry here. */
export const transports: readonly Transport[] = [
  { name: 'fetch', connect: (fetch) => fetchConnect(fetch) },
  {
    name: 'multiplex',
    needsChannel: true,
    connect: (fetch) => multiplex('/api/channel', { connect: fetchConnect(fetch), timeout: 1_000 }),
    // A broken connection may cost two attempts: the one whose operation request fails, and the one queued behind it.
    attemptsPerFault: 2,
  },
  // A leader tab without followers.
  { name: 'share', connect: (fetch) => createLeaderConnect(fetchConnect(fetch)) },
  {
    name: 'share-multiplex',
    needsChannel: true,
    connect: (fetch) =>
      createLeaderConnect(multiplex('/api/channel', { connect: fetchConnect(fetch), timeout: 1_000 })),
    attemptsPerFault: 2,
  },
]
