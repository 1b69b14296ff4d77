/** Options as a stream has them: its own over its client's over the defaults. */
import { type Clock, systemClock } from './base/clock.ts'
import { guard } from './base/report.ts'
import { fetchConnect } from './connect/fetch.ts'
import type { Connect } from './connect/connect.ts'
import type { ClientOptions, StreamOptions } from './options.ts'
import { shareAuth } from './refresh.ts'
import type { RetryOptions } from './source/retry.ts'
import { MAX_EVENT_SIZE } from './wire/parse.ts'

type Merged = Omit<ClientOptions, 'lastEventId' | 'retry' | 'queue' | keyof RequestInit> & Omit<StreamOptions, 'retry' | 'queue'>

export interface Settings extends Merged {
  clock: Clock
  random(): number
  connect: Connect
  /** Whether the user gave it. */
  ownConnect: boolean
  connectTimeout: number
  maxEventSize: number
  retry: RetryOptions & { limit: number }
  queue: { events: number; bytes: number }
  /** The client's headers, then the stream's. */
  headerSources: ClientOptions['headers'][]
  /** How the last event ID is sent. */
  lastEventIdMode: NonNullable<ClientOptions['lastEventId']>
}

/** What differs between feeds and runs. */
export interface KindDefaults {
  limit: number
  connectTimeout: number
}

/** `undefined` is as good as absent. */
const defined = <Options extends object>(options: Options): Options =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Options

const retryOptions = (retry: ClientOptions['retry']): RetryOptions =>
  typeof retry === 'object' ? defined(retry) : retry === undefined ? {} : { limit: Number(retry) }

/** `onResponse` hears of each answer. */
const observe =
  (connect: Connect, onResponse: ClientOptions['onResponse']): Connect =>
  async (request) => {
    const connection = await connect(request)
    const { status, url, headers } = connection
    if (!request.signal.aborted) guard(onResponse, { status, url, headers })
    return connection
  }

export function mergeSettings<Own extends StreamOptions>(
  { connectTimeout, limit }: KindDefaults,
  client: ClientOptions,
  own: Own,
  lastEventIdMode: ClientOptions['lastEventId'],
): Own & Settings {
  const options = { ...defined(client), ...defined(own) }
  return {
    clock: systemClock,
    random: Math.random,
    connectTimeout,
    maxEventSize: MAX_EVENT_SIZE,
    ...options,
    ownConnect: !!options.connect,
    connect: observe(options.connect ?? fetchConnect(options.fetch), options.onResponse),
    ...(options.auth && { auth: shareAuth(options.auth) }),
    queue: { events: 1_024, bytes: 0x100000, ...defined(options.queue ?? {}) },
    retry: { limit, ...retryOptions(client.retry), ...retryOptions(own.retry) },
    headerSources: [client.headers, own.headers],
    lastEventIdMode: lastEventIdMode ?? 'header',
  }
}
