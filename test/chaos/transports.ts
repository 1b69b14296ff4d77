/** What the chaos is let loose on: every `Connect` there is. */
import type { Connect } from '../../src/connect/connect.ts'
import { fetchConnect } from '../../src/connect/fetch.ts'
import { createLeaderConnect } from '../contract/share-connect.ts'
import { multiplex } from '../../src/multiplex.ts'

/** A way to make connections. */
export interface Transport {
  readonly name: string
  /** Makes one for a client. */
  connect(fetch: typeof globalThis.fetch): Connect
  /** How many attempts one broken connection can cost. @defaultValue 1 */
  readonly attemptsPerFault?: number
}

/** Another `Connect` is another line here. */
export const transports: readonly Transport[] = [
  { name: 'fetch', connect: (fetch) => fetchConnect(fetch) },
  {
    name: 'multiplex',
    connect: (fetch) => multiplex('/api/channel', { connect: fetchConnect(fetch), timeout: 1_000 }),
    // That of a request for operations, and the one that waits behind it.
    attemptsPerFault: 2,
  },
  // Of a browser's tabs, one that nobody follows.
  { name: 'share', connect: (fetch) => createLeaderConnect(fetchConnect(fetch)) },
  {
    name: 'share-multiplex',
    connect: (fetch) =>
      createLeaderConnect(multiplex('/api/channel', { connect: fetchConnect(fetch), timeout: 1_000 })),
    attemptsPerFault: 2,
  },
]
