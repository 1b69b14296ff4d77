/** A feed of the server, through each of its faces, and a feed of the mock server, for tests that hold for all of them. */
import { openLocalTestServer } from '../../mock-server/support/local-test-server.ts'
import type { StreamReader } from '../../mock-server/support/stream-reader.ts'
import { openStreamReader } from '../../mock-server/support/stream-reader.ts'
import type { ManualClock } from '../../support/manual-clock.ts'
import type { Face } from './faces.ts'
import { after, createTestServer, mount } from './faces.ts'

/** A feed, as a test and its clients see it. */
export interface FeedUnderTest {
  readonly clock: ManualClock
  readonly feed: { send(type: string, data: unknown): Promise<string> }
  /** Opens a stream, which resumes after the event with this ID. */
  open(id?: string, query?: string): Promise<StreamReader>
}

/** Opens a feed whose clients may select the types `tick` and `other`. */
export type FeedSide = (options?: { readonly heartbeat?: number }) => Promise<FeedUnderTest>

const serverSide =
  (face: Face): FeedSide =>
  async (options) => {
    const { server, clock } = createTestServer(options)
    const feed = server.feed('ticks', { types: ['tick', 'other'] })
    const mounted = await mount(face, { '/any/path': feed.handler })
    return { clock, feed, open: (id, query = '') => mounted.open(`/any/path${query}`, after(id)) }
  }

const mockSide: FeedSide = async (options) => {
  const { server, url, clock } = await openLocalTestServer(options)
  return {
    clock,
    feed: { send: async (type, data) => server.broadcast({ type, data }) },
    open: (id, query = '') => openStreamReader(`${url}/api/stream${query}`, after(id)),
  }
}

/** The sides by name. */
export const feedSides: Readonly<Record<string, FeedSide>> = {
  'the server as a fetch handler': serverSide('fetch'),
  'the server in Node': serverSide('node'),
  'the mock server': mockSide,
}
