/** Merges the options of a stream with those of its client and the defaults. */
import { type Clock, systemClock } from '../base/clock.ts'
import { callSafely } from '../base/report-error.ts'
import type { Connect, Connection } from '../connect/connect.ts'
import { fetchConnect } from '../connect/fetch.ts'
import type { RetryOptions } from '../source/retry.ts'
import { DEFAULT_MAX_EVENT_CHARS } from '../sse/parse.ts'
import { withSharedRefresh } from './auth-refresh.ts'
import type { ClientOptions } from './options.ts'
import type { StreamOptions } from './stream-options.ts'

type MergedOptions = Omit<ClientOptions, 'retry' | 'queue' | keyof RequestInit> & Omit<StreamOptions, 'retry' | 'queue'>

/** The options of one stream, with all defaults applied. */
export interface ResolvedOptions extends MergedOptions {
  clock: Clock
  random(): number
  connect: Connect
  /** Whether the user has provided `connect`. */
  hasCustomConnect: boolean
  connectTimeout: number
  maxEventSize: number
  retry: RetryOptions
  queue: { events: number; bytes: number }
  /** `headers` of the defaults, the client and the stream, in this order: later ones replace earlier ones. */
  headerSources: ClientOptions['headers'][]
  lastEventId: NonNullable<ClientOptions['lastEventId']>
  /** Calls `onResponse`. */
  notifyResponse(connection: Connection): void
}

/** Defaults that differ between feeds and runs. */
export type KindDefaults = ClientOptions & Required<Pick<ClientOptions, 'connectTimeout' | 'retry'>>

/** Merges options; later ones take precedence. `undefined` counts as absent. */
const mergeDefined = <Options extends object>(...layers: (Options | undefined)[]): Options =>
  Object.fromEntries(
    layers.flatMap((layer) => Object.entries(layer ?? {}).filter(([, value]) => value !== undefined)),
  ) as Options

const toRetryOptions = ({ retry }: Pick<ClientOptions, 'retry'>): RetryOptions =>
  typeof retry === 'object' ? retry : retry === undefined ? {} : { limit: Number(retry) }

/** Merges `layers` over the defaults for all streams; later layers take precedence. */
export function resolveOptions<Own extends StreamOptions>(
  ...layers: [KindDefaults, ClientOptions, Own]
): Own & ResolvedOptions {
  const defaults = {
    clock: systemClock,
    random: Math.random,
    maxEventSize: DEFAULT_MAX_EVENT_CHARS,
    lastEventId: 'header',
  }
  const options = mergeDefined<object>(defaults, ...layers) as Own & ResolvedOptions
  return {
    ...options,
    hasCustomConnect: !!options.connect,
    connect: options.connect ?? fetchConnect(options.fetch),
    ...(options.auth && { auth: withSharedRefresh(options.auth) }),
    queue: mergeDefined({ events: 1_024, bytes: 0x100000 }, options.queue),
    retry: mergeDefined(...layers.map(toRetryOptions)),
    notifyResponse: ({ status, url, headers }) => callSafely(options.onResponse, { status, url, headers }),
    headerSources: layers.map(({ headers }) => headers),
  }
}
