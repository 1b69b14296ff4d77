/** Request handlers for channels: open a channel, and apply operations to its streams (PROTOCOL.md 5.1, 5.2). */
import { HttpError } from '../../server/http/problem.ts'
import type { Handler } from '../http/exchange.ts'
import { streamResponse } from '../http/exchange.ts'
import type { MockKernel } from '../http/kernel.ts'
import type { HttpResponse } from '../http/response.ts'
import type { Router } from '../http/router.ts'
import { toChannelResponse } from '../http/to-response.ts'
import type { MutableTraffic } from '../http/traffic.ts'
import { FrameReader } from '../stream/frame-reader.ts'
import { createBodySource } from './body-source.ts'

/** The channels of a mock server. */
export interface Channels {
  /** Opens a channel. */
  readonly open: Handler
  /** Applies all operations of a POST, or none. */
  readonly operate: Handler
  /** Ends the connection of every channel, and all streams with it. */
  end(endState: 'cut' | 'ended'): void
}

/** An open channel. */
interface OpenChannel {
  readonly reader: FrameReader
  readonly basePath: string
  /** Traffic figures of its connection. */
  readonly traffic: MutableTraffic
}

/** Maximum number of open channels. */
const MAX_CHANNELS = 1_000
/** Maximum number of open streams of a channel. */
const MAX_STREAMS = 1_000

/** Creates the channels. `getRouter` returns the router, which handles the request of a stream like any other request. */
export function createChannels(kernel: MockKernel, getRouter: () => Router): Channels {
  const channels = new Map<string, OpenChannel>()

  /** Handles the request of a stream. */
  const respond = async (request: Request): Promise<Response> => {
    const { channel: id, identity } = kernel.carrierOf(request)
    const channel = channels.get(id)
    if (!channel) return Response.error()
    const { basePath, traffic } = channel
    const controller = new AbortController()
    const abort = (): void => controller.abort()
    const { signal } = controller
    request.signal.addEventListener('abort', abort, { once: true })
    if (request.signal.aborted) abort()
    const context = { signal, basePath, peer: 'remote', channelIdentity: identity, traffic } as const
    const response = await getRouter()(request, context)
    return toChannelResponse(response, (body) => createBodySource(body, abort), { signal, abort })
  }
  const { handler } = kernel.server.channel({ routes: () => ({ handler: respond }), maxStreams: MAX_STREAMS })
  const handle = (exchange: Parameters<Handler>[0]): ReturnType<MockKernel['handle']> =>
    kernel.handle(exchange, handler, {})

  return {
    async open(exchange) {
      if (channels.size >= MAX_CHANNELS) throw new HttpError(503, 'Too many open channels.')
      const { basePath, traffic } = exchange
      const opened = await handle(exchange)
      if (!('source' in opened)) return opened
      const { stream: id, countStreams } = opened.connection
      Object.defineProperty(traffic, 'streams', { enumerable: true, get: () => countStreams?.() ?? 0 })
      const reader = new FrameReader(opened.source, () => void channels.delete(id))
      channels.set(id, { reader, basePath, traffic })
      return streamResponse(exchange, reader)
    },
    operate: async (exchange) => (await handle(exchange)) as HttpResponse,
    end(endState) {
      for (const { reader } of channels.values()) reader.finish(endState)
    },
  }
}
