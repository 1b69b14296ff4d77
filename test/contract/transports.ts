/** The transports that the contract suite tests: every `Connect` in the package. */
import { fetchEventSource } from '@microsoft/fetch-event-source'
import type { Connect } from '../../src/connect/connect.ts'
import { fetchEventSourceConnect } from '../../src/fetch-event-source/connect.ts'
import { multiplex } from '../../src/multiplex.ts'
import { createFollowerConnect, createLeaderConnect } from './share-connect.ts'

/** One way of connecting, with the contract cases that it cannot pass. */
export interface Transport {
  readonly name: string
  /** Creates the `connect` option of a client. If absent, the client uses its default. */
  connect?(): Connect
  /** Reasons for skipping test cases, by test name. */
  readonly unsupported?: Readonly<Record<string, string>>
}

const fetchEventSourceTransport: Transport = {
  name: 'fetch-event-source',
  connect: () => fetchEventSourceConnect(fetchEventSource),
  // Before it calls `onmessage`, the package discards what these cases check: see docs/from-fetch-event-source.md.
  unsupported: {
    '[F20] a reconnection time of 1e1 makes the feed wait for 5 ms': 'the package parses `retry` with parseInt',
    '[F20] a reconnection time of 10ms makes the feed wait for 5 ms': 'the package parses `retry` with parseInt',
    '[F23] an empty ID clears the cursor: the next request sends no ID, and onReset reports a possible gap':
      'the package cannot distinguish an empty ID from no ID',
    '[F24] comments and blocks without data are not delivered as events':
      'the package cannot distinguish empty data from no data',
    '[F32] unknown fields are ignored, and a field without a colon has an empty value':
      'the package ignores fields without a colon',
  },
}

const completeEventsOnly =
  'a channel forwards complete events only: test/multiplex cuts the channel stream inside an event'

const multiplexTransport: Transport = {
  name: 'multiplex',
  // The cases expect the connection to close as soon as the last stream ends.
  connect: () => multiplex('/api/channel', { linger: 0 }),
  unsupported: {
    '[F1] a reset after part of an event was read drops the partial event and its ID': completeEventsOnly,
    '[F3] a clean end after part of an event was read drops the partial event and its ID': completeEventsOnly,
    '[F18] a request with Last-Event-ID refused by CORS is a network error that names CORS as a likely cause':
      'a channel sends no such header: the ID is part of a channel operation',
    '[P1.5] an allowed origin may send every protocol header, and preflights are cached':
      'a channel sends one preflight, not one per stream',
  },
}

const leaderErrorReason =
  'a leader that fails with too-large gives up leadership, and the follower then sends its own request'

const shareTransports: readonly Transport[] = [
  { name: 'share as leader', connect: () => createLeaderConnect() },
  {
    name: 'share as follower',
    connect: () => createFollowerConnect(),
    unsupported: {
      '[F28] a feed delivers the events before an endless line, fails with too-large and disconnects':
        leaderErrorReason,
      '[F28] a feed delivers the events before an endless series of lines, fails with too-large and disconnects':
        leaderErrorReason,
      '[F28] by default, a line of 32 MiB fails with too-large, and a line of 8 MiB is delivered': leaderErrorReason,
    },
  },
  {
    ...multiplexTransport,
    name: 'share as leader over multiplex',
    connect: () => createLeaderConnect(multiplex('/api/channel', { linger: 0 })),
  },
]

/** All transports under test. Add a line here for a new `Connect`. */
export const transports: readonly Transport[] = [
  { name: 'fetch' },
  multiplexTransport,
  ...shareTransports,
  // fetch-event-source needs a `document`, which neither Node nor workers have.
  ...(typeof document === 'undefined' ? [] : [fetchEventSourceTransport]),
]
