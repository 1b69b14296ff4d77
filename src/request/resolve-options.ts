/** Merges the options of a stream with those of its client and the defaults. */
import { type Clock, systemClock } from '../base/clock.ts'
import { mergeDefined } from '../base/merge-defined.ts'
import { callSafely } from '../base/report-error.ts'
import type { Connect } from '../connect/connect.ts'
import { fetchConnect } from '../connect/fetch.ts'
import type { RetryOptions } from '../source/retry.ts'
import { DEFAULT_MAX_EVENT_CHARS } from '../sse/parse.ts'
import { withSharedRefresh } from './auth-refresh.ts'
import { checkOptions } from './check-options.ts'
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
  trustedOrigins: readonly string[]
}

/** Defaults that differ between feeds and runs. */
export type KindDefaults = ClientOptions & Required<Pick<ClientOptions, 'connectTimeout' | 'retry'>>

/** The callbacks of a stream do not replace those of its client: each is called. */
const CALLBACKS = ['onResponse', 'onError', 'onReset', 'onStateChange', 'onComment'] as const

/** Returns a function that calls all `callbacks`, each once. */
function callAll<Value>(callbacks: readonly ((value: Value) => void)[]): (value: Value) => void {
  const all = new Set(callbacks)
  return (value) => {
    for (const callback of all) callSafely(callback, value)
  }
}

const toRetryOptions = ({ retry }: Pick<ClientOptions, 'retry'>): RetryOptions | undefined => {
  if (typeof retry === 'object' || retry === undefined) return retry
  return { limit: retry === false ? 0 : retry }
}

/**
 * Merges `layers` over the defaults for all streams; later layers take precedence.
 * @throws TypeError that names an option with an invalid value
 */
export function resolveOptions<Own extends StreamOptions>(
  ...layers: [KindDefaults, ClientOptions, Own]
): Own & ResolvedOptions {
  const defaults = {
    clock: systemClock,
    random: Math.random,
    maxEventSize: DEFAULT_MAX_EVENT_CHARS,
    lastEventId: 'header',
    trustedOrigins: [],
  }
  const options = mergeDefined<object>(defaults, ...layers) as Own & ResolvedOptions
  const resolved: Own & ResolvedOptions = {
    ...options,
    hasCustomConnect: !!options.connect,
    connect: options.connect ?? fetchConnect(options.fetch),
    ...(options.auth && { auth: withSharedRefresh(options.auth) }),
    queue: mergeDefined({ events: 1_024, bytes: 0x100000 }, options.queue),
    retry: mergeDefined(...layers.map(toRetryOptions)),
    headerSources: layers.map(({ headers }) => headers),
  }
  for (const name of CALLBACKS) {
    const callbacks = layers.flatMap((layer) => (layer[name] as ((value: unknown) => void) | undefined) ?? [])
    if (callbacks.length > 1) resolved[name] = callAll(callbacks)
  }
  checkOptions(resolved)
  return resolved
}
