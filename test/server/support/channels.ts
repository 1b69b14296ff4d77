/** A server with a feed, runs and a channel that carries both, behind one of the faces. */
import type { ChannelsOptions } from '../../../server/channel/options.ts'
import type { ServerRecord } from '../../../server/base/instrument.ts'
import type { Feed, FeedOptions } from '../../../server/feed/feed.ts'
import type { Identity } from '../../../server/http/identity.ts'
import type { RunsOptions } from '../../../server/run/options.ts'
import type { ServerOptions } from '../../../server/service/create-server.ts'
import type { ToNodeOptions } from '../../../server/node/to-node.ts'
import type { ChannelClient, ChannelClientOptions } from '../../mock-server/support/channel-client.ts'
import { openChannelClient } from '../../mock-server/support/channel-client.ts'
import type { Face, Mounted, TestServer } from './faces.ts'
import { createTestServer, mount } from './faces.ts'
import type { Model } from './model.ts'
import { createModel } from './model.ts'

/** Options of `openChannels`. */
export interface ChannelsSetup {
  readonly server?: ServerOptions<Identity>
  readonly feed?: FeedOptions<Identity>
  readonly runs?: Partial<RunsOptions<{ prompt: string }, Identity>>
  readonly channel?: Partial<ChannelsOptions>
  readonly node?: ToNodeOptions
}

export interface ChannelsUnderTest extends TestServer<Identity> {
  readonly feed: Feed<Record<string, unknown>>
  readonly model: Model<{ prompt: string }>
  readonly mounted: Mounted
  readonly records: ServerRecord[]
  /** Number of open responses of feeds and runs. */
  readonly readers: number
  /** Opens a channel. */
  connect(options?: ChannelClientOptions): Promise<ChannelClient>
  /** Posts operations, also for channels that were not opened with `connect`. */
  post(body: unknown, headers?: Record<string, string>): Promise<Response>
}

/** Mounts the feed at `/api/stream`, the runs at `/api/generate`, and the channel at `/api/channel`. */
export async function openChannels(face: Face, setup: ChannelsSetup = {}): Promise<ChannelsUnderTest> {
  const records: ServerRecord[] = []
  const testServer = createTestServer<Identity>({
    instrument: (record) => void records.push(record),
    ...setup.server,
  })
  const { server } = testServer
  const feed = server.feed('ticks', setup.feed)
  const model = createModel<{ prompt: string }>()
  const runs = server.runs<{ prompt: string }>({ generate: model.generate, ...setup.runs })
  const channel = server.channel({ routes: { '/api/stream': feed, '/api/generate': runs }, ...setup.channel })
  const mounted = await mount(
    face,
    {
      '/api/stream': feed.handler,
      '/api/generate': runs.handler,
      '/api/channel': channel.handler,
      '/api/channel/ops': channel.handler,
    },
    setup.node,
  )
  const count = (type: 'open' | 'close'): number =>
    records.filter((record) => record.type === type && record.kind !== 'channel').length
  return {
    ...testServer,
    feed,
    model,
    mounted,
    records,
    get readers() {
      return count('open') - count('close')
    },
    connect: (options) => openChannelClient(mounted.url, { fetch: mounted.fetch, ...options }),
    post: (body, headers = {}) =>
      mounted.fetch('/api/channel/ops', {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
  }
}
