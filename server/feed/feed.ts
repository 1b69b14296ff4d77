/** Feeds: endless streams, to which the application sends events. */
import { encodeEvent } from '../../src/sse/encode.ts'
import type { Identity } from '../http/identity.ts'
import type { EndpointContext, Exchange } from '../http/endpoint.ts'
import { connectionResponse, countStream, createHandler } from '../http/endpoint.ts'
import type { Position } from '../http/hooks.ts'
import { HttpError } from '../http/problem.ts'
import type { Page, Retention } from '../log/event-log.ts'
import { encodeFrame } from '../log/frame.ts'
import type { View } from '../stream/view.ts'
import { everything, onlyTypes } from '../stream/view.ts'
import { formatId } from '../stream/wire-id.ts'
import { headOf, locate } from './locate.ts'
import { SendError } from './send-error.ts'
import { Sender } from './sender.ts'

/** The state that a feed's events change. */
export interface Snapshot {
  /** Any JSON value. */
  readonly data: unknown
  /**
   * ID of the last event that `data` contains. Without it, events that are sent while the snapshot is made may be contained
   * and are sent as well, so that they must be idempotent.
   */
  readonly at?: string | undefined
}

/** Options of `server.feed`. */
export interface FeedOptions<Id extends Identity> {
  /**
   * How much is kept for clients that resume or read slowly. `events` and `age` are promised; beyond four times `bytes`,
   * `send` is refused.
   * @defaultValue { events: 1_000, bytes: 4 MiB, age: 30_000 ms }
   * @example
   * ```ts
   * server.feed('prices', { retention: { events: 10_000, age: 5 * 60_000 } })
   * ```
   */
  readonly retention?: Partial<Retention>
  /**
   * Whether an identity may read the feed; otherwise the response is 403.
   * @defaultValue everyone may
   * @example
   * ```ts
   * server.feed('audit', { authorize: ({ subject }) => isAdmin(subject) })
   * ```
   */
  readonly authorize?: (identity: Id, request: Request) => boolean | Promise<boolean>
  /**
   * Returns the current state, which is sent to new clients and to those that have missed events, in the data of `reset`.
   * @example
   * ```ts
   * server.feed('prices', { snapshot: async () => ({ data: await currentPrices() }) })
   * ```
   */
  readonly snapshot?: (identity: Id) => Snapshot | Promise<Snapshot>
  /**
   * Event types that a client may select with `?types=a,b`.
   * @defaultValue none: every client receives all events
   * @example
   * ```ts
   * server.feed<{ price: Price; trade: Trade }>('market', { types: ['price', 'trade'] })
   * ```
   */
  readonly types?: readonly string[]
  /**
   * For how many milliseconds clients wait before they connect again.
   * @defaultValue clients decide
   * @example
   * ```ts
   * server.feed('prices', { retry: 5_000 })
   * ```
   */
  readonly retry?: number
}

/** A feed. `Events` maps event types to their data. */
export interface Feed<Events extends object> {
  /**
   * Sends an event to all clients. Resolves with its ID once it is stored.
   * @throws SendError if it is not stored; TypeError if `type` contains CR, LF or NUL, or `data` is not JSON
   * @example
   * ```ts
   * const id = await prices.send('price', { symbol: 'ACME', value: 120 })
   * ```
   */
  send<Type extends keyof Events & string>(type: Type, data: Events[Type]): Promise<string>
  /**
   * Handles requests of clients, at any path.
   * @example
   * ```ts
   * export const GET = prices.handler
   * ```
   */
  readonly handler: (request: Request) => Promise<Response>
}

/** Where a reader begins, and what it gets first. */
interface Beginning extends Position {
  readonly snapshot?: unknown
}

const DEFAULT_RETENTION: Retention = { events: 1_000, bytes: 4 * 1024 * 1024, age: 30_000 }

/**
 * Creates a feed.
 * @throws TypeError if `retry` is not a whole number of milliseconds
 */
export function createFeed<Events extends object, Id extends Identity>(
  context: EndpointContext<Id>,
  name: string,
  options: FeedOptions<Id>,
): Feed<Events> {
  const { hub, instrument } = context
  const { log, clock } = hub.options
  const { authorize, snapshot, types, retry } = options
  const retryBlock = retry === undefined ? '' : encodeEvent({ retry })
  const stream = `feed:${name}`
  const sender = new Sender({ log, stream, clock, retention: { ...DEFAULT_RETENTION, ...options.retention } })

  /** Replaces a position by that of a snapshot, for a client that has no state, or has missed events. */
  const takeSnapshot = async (page: Page, location: Position, identity: Id): Promise<Beginning> => {
    if (!snapshot) return location
    const { data, at } = await snapshot(identity)
    if (at === undefined) return { ...location, snapshot: data }
    // The page was read before the snapshot was made.
    const current = (await log.read(stream, Number.MAX_SAFE_INTEGER, { bytes: 1 })) ?? page
    const found = await locate(log, stream, current, at)
    if (found.reset) throw new Error(`snapshot: the event ${at} of the feed ${name} is not kept`)
    return { ...location, ...found, snapshot: data }
  }
  const begin = async (page: Page, { lastEventId, identity, interception }: Exchange<Id>): Promise<Beginning> => {
    if (lastEventId === undefined) return takeSnapshot(page, headOf(page), identity)
    const located = await locate(log, stream, page, lastEventId)
    const location = interception.begin?.(stream, located) ?? located
    return location.reset ? takeSnapshot(page, location, identity) : location
  }
  const selectView = (url: URL): View => {
    const selected = url.searchParams.get('types')?.split(',')
    if (!types || !selected) return everything
    return onlyTypes(types.filter((type) => selected.includes(type)))
  }
  const encodeOpening = (
    page: Page,
    { position, nonce, reset, ...beginning }: Beginning,
    { clientId, heartbeat }: { readonly clientId: string; readonly heartbeat: number },
  ): string => {
    const connected = {
      protocol: 1,
      clientId,
      message: 'connected',
      ...(heartbeat > 0 ? { heartbeat } : {}),
    }
    const text = `${retryBlock}${encodeFrame('connected', JSON.stringify(connected))}id: ${formatId(page.epoch, position, nonce)}\n\n`
    if (!reset && !('snapshot' in beginning)) return text
    return `${text}${encodeFrame('reset', JSON.stringify({ reason: reset ?? 'initial', ...beginning }))}\n`
  }
  const read = async (exchange: Exchange<Id>): Promise<Response> => {
    const { request, identity, lastEventId, url, interception } = exchange
    const { heartbeat = hub.options.heartbeat, view = selectView(url) } = interception
    if (authorize && !(await authorize(identity, request))) throw new HttpError(403, 'The feed may not be read.')
    const uncount = countStream(context, identity)
    try {
      const page = await log.read(stream, Number.MAX_SAFE_INTEGER, { bytes: 1 })
      if (!page) throw new HttpError(503, 'The feed is not available.')
      const beginning = await begin(page, exchange)
      const { position, nonce, reset } = beginning
      const record = { kind: 'feed', stream: name, subject: identity.subject } as const
      const clientId = crypto.randomUUID()
      const reader = hub.open({
        stream,
        page,
        prefix: page.epoch,
        position,
        nonce,
        heartbeat,
        opening: encodeOpening(page, beginning, { clientId, heartbeat }),
        replay: view,
        live: view,
        expiresAt: identity.expiresAt,
        record,
        onClose: uncount,
      })
      if (reset) instrument({ type: 'reset', reason: reset, ...record })
      else if (lastEventId !== undefined) instrument({ type: 'resumed', missed: page.head - position, ...record })
      return connectionResponse(context, reader, { kind: 'feed', stream: name, request, identity, clientId })
    } catch (error) {
      uncount()
      throw error
    }
  }

  return {
    async send(type, data) {
      const text = JSON.stringify(data) as string | undefined
      if (text === undefined) throw new TypeError(`data of ${type}: expected a JSON value`)
      const frame = encodeFrame(type, text)
      if (context.isClosing()) throw new SendError('closed', 'The server is closed.')
      return sender.send(frame)
    },
    handler: createHandler(context, { GET: read }),
  }
}
