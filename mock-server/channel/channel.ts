/** A channel: many streams on one connection, each in its turn (PROTOCOL.md 5). */
import type { Clock } from '../base/clock.ts'
import type { Answer, NoAnswer } from '../http/response.ts'
import { problem } from '../http/problem.ts'
import type { Identity } from '../http/identity.ts'
import type { Frame } from '../stream/frame.ts'
import type { Source } from '../stream/source.ts'
import type { CarriedStream } from './channel-stream.ts'
import { createCarriedStream } from './channel-stream.ts'
import type { Open } from './operations.ts'

/** A channel; its source is what goes over the carrier. */
export interface Channel {
  /** Unguessable; its client was told it in `channel`. */
  readonly id: string
  /** Who opened it, by the newest of its credentials. */
  readonly identity: Identity
  /** How many streams are on it. */
  readonly streams: number
  readonly source: Source
  /** The same subject has shown fresh credentials. */
  renew(identity: Identity): void
  /** Whether a stream may be opened under this key: it was not used before. */
  isFresh(key: string): boolean
  /** Opens a stream; `ask` asks for its answer, and does not reject. */
  open(open: Open, ask: (signal: AbortSignal) => Promise<Answer | NoAnswer>): void
  /** Gives a stream so many more bytes; nothing where it is over. */
  credit(key: string, bytes: number): void
  /** Lets go of a stream; nothing where it is over. */
  close(key: string): void
  /** Ends the carrier, and every stream with it. */
  end(how: 'cut' | 'ended'): void
}

/** What a channel needs to know. */
export interface ChannelOptions {
  readonly identity: Identity
  /** The interval that `channel` announces, milliseconds; 0: none. */
  readonly heartbeat: number
  readonly clock: Clock
  /** Called when a stream has come or gone. */
  onChange(): void
  /** Called when the carrier is gone. */
  onClose(): void
}

/** Streams at once. */
const STREAM_LIMIT = 1_000
/** Keys that are remembered, so that none is used again; the oldest is forgotten. */
const KEY_LIMIT = 10_000

/** Makes a channel. */
export function createChannel({ identity: opener, heartbeat, clock, onChange, onClose }: ChannelOptions): Channel {
  const id = crypto.randomUUID()
  const streams = new Map<string, CarriedStream>()
  const used = new Set<string>()
  /** Streams that have something, in the order of their turns. */
  const ready = new Set<CarriedStream>()
  const wakes = new Set<() => void>()
  const hello = { channelId: id, ...(heartbeat > 0 ? { heartbeat } : {}) }
  const opening: Frame[] = [{ type: 'channel', data: JSON.stringify(hello) }]
  let identity = opener
  let state: Source['state'] = 'open'
  let stopTimer: (() => void) | undefined

  const wake = (): void => {
    for (const watcher of wakes) watcher()
  }
  const end = (how: 'cut' | 'ended' | 'expired'): void => {
    state = how
    wake()
  }
  /** Streams have credentials of their own: what bore the carrier may expire while they go on. */
  const endIfExpired = (): void => {
    const { expiresAt = Infinity } = identity
    if (state === 'open' && streams.size === 0 && expiresAt <= clock.date()) end('expired')
  }
  const watchExpiry = (): void => {
    stopTimer?.()
    const { expiresAt } = identity
    if (expiresAt === undefined) return
    stopTimer = clock.after(Math.max(0, expiresAt - clock.date()), endIfExpired, 'housekeeping')
  }
  const remove = (stream: CarriedStream): void => {
    streams.delete(stream.key)
    ready.delete(stream)
    onChange()
    endIfExpired()
  }
  /** A fresh function, so that two watchers with one callback are two. */
  const watch = (callback: () => void): (() => void) => {
    const watcher = (): void => callback()
    wakes.add(watcher)
    return () => void wakes.delete(watcher)
  }

  watchExpiry()
  return {
    id,
    get identity() {
      return identity
    },
    get streams() {
      return streams.size
    },
    source: {
      get state() {
        return state
      },
      take() {
        const first = opening.shift()
        if (first || state !== 'open') return first
        for (const stream of ready) {
          ready.delete(stream)
          const frame = stream.take()
          // Behind all others that have something.
          if (stream.state === 'ready') ready.add(stream)
          else if (stream.state === 'over') remove(stream)
          if (frame) return frame
        }
        return undefined
      },
      watch,
      close() {
        stopTimer?.()
        for (const stream of streams.values()) stream.close()
        streams.clear()
        ready.clear()
        onChange()
        onClose()
      },
    },
    renew(fresh) {
      if ((fresh.expiresAt ?? Infinity) <= (identity.expiresAt ?? Infinity)) return
      identity = fresh
      watchExpiry()
    },
    isFresh: (key) => !used.has(key) && !streams.has(key),
    open({ key, path, window }, ask) {
      used.add(key)
      if (used.size > KEY_LIMIT) used.delete(used.values().next().value!)
      const isFull = streams.size >= STREAM_LIMIT
      const stream = createCarriedStream({
        key,
        url: path,
        window,
        ask: isFull ? async () => problem(503, 'Too many streams on this channel.') : ask,
        onReady() {
          if (streams.get(key) !== stream) return
          ready.add(stream)
          wake()
        },
      })
      streams.set(key, stream)
      onChange()
    },
    credit: (key, bytes) => streams.get(key)?.credit(bytes),
    close(key) {
      const stream = streams.get(key)
      if (!stream) return
      stream.close()
      remove(stream)
    },
    end,
  }
}
