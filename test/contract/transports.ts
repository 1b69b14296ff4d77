/** What the contract holds for: every `Connect` there is. */
import { fetchEventSource } from '@microsoft/fetch-event-source'
import { fetchEventSourceConnect } from '../../src/fetch-event-source/connect.ts'
import type { Connect } from '../../src/connect/connect.ts'
import { multiplex } from '../../src/multiplex.ts'
import { createFollowerConnect, createLeaderConnect } from './share-connect.ts'

/** A way to make connections. */
export interface Transport {
  readonly name: string
  /** Makes one for a client. @defaultValue what a client uses by itself */
  connect?(): Connect
  /** Cases that it can't hold, and why. */
  readonly unsupported?: Readonly<Record<string, string>>
}

const fetchEventSourceTransport: Transport = {
  name: 'fetch-event-source',
  connect: () => fetchEventSourceConnect(fetchEventSource),
  // What the package has lost by the time that it tells a message: docs/from-fetch-event-source.md.
  unsupported: {
    '[F20] retry: 1e1 makes it wait for 5 ms': 'it reads `retry` by parseInt',
    '[F20] retry: 10ms makes it wait for 5 ms': 'it reads `retry` by parseInt',
    '[F23] an empty id clears the cursor: the next request has none, and its user is told that events may be missing':
      'it has an empty id for none',
    '[F24] a block without data is no event, and neither is a comment': 'it has empty data for none',
    '[F32] unknown fields and no colon': 'it passes over fields without a colon',
  },
}

const completeEventsOnly =
  'a channel passes on whole events alone: test/multiplex cuts the carrier itself inside of them'

const multiplexTransport: Transport = {
  name: 'one carrier',
  // What lets go of its last stream lets go of the connection, as the cases expect it.
  connect: () => multiplex('/api/channel', { linger: 0 }),
  unsupported: {
    '[F1] a reset when a part of an event has been read: it is no event, and its id is not adopted': completeEventsOnly,
    '[F3] a clean end when a part of an event has been read: it is no event, and its id is not adopted':
      completeEventsOnly,
    '[F18] whose Last-Event-ID is not allowed: network, which names CORS as a likely cause':
      'it sends no such header: the id is in an operation',
    '[P1.5] that is on the list: each header of the protocol passes its preflight, which is cached':
      'it asks for its carrier, not for each stream',
  },
}

const leaderErrorReason =
  'the tab that leads leaves the lead with an error of its own, and the next one asks for itself'

const shareTransports: readonly Transport[] = [
  { name: 'a lead among tabs', connect: () => createLeaderConnect() },
  {
    name: 'another tab that leads',
    connect: () => createFollowerConnect(),
    unsupported: {
      '[F28] an endless line is too-large; what was whole before it is delivered, its connection freed':
        leaderErrorReason,
      '[F28] an endless lines is too-large; what was whole before it is delivered, its connection freed':
        leaderErrorReason,
      '[F28] a line of 32 MiB is refused by default, one of 8 MiB is not': leaderErrorReason,
    },
  },
  {
    ...multiplexTransport,
    name: 'a lead among tabs, over one carrier',
    connect: () => createLeaderConnect(multiplex('/api/channel', { linger: 0 })),
  },
]

/** Another `Connect` is another line here. */
export const transports: readonly Transport[] = [
  { name: 'fetch' },
  multiplexTransport,
  ...shareTransports,
  // It needs a document, which neither Node nor workers have.
  ...(typeof document === 'undefined' ? [] : [fetchEventSourceTransport]),
]
