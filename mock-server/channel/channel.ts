/** A channel: many streams on one connection, each in its turn (PROTOCOL.md 5). */
import type { Clock } from '../base/clock.ts'
import type { HttpResponse, DroppedConnection } from '../http/response.ts'
import { problemResponse } from '../http/problem.ts'
import type { Identity } from '../http/identity.ts'
import type { Frame } from '../stream/frame.ts'
import type { Source } from '../stream/source.ts'
import type { ChannelStream } from './channel-stream.ts'
import { createChannelStream } from './channel-stream.ts'
import type { OpenOperation } from './operations.ts'

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
  renewIdentity(identity: Identity): void
  /** Whether a stream may be opened under this key: it was not used before. */
  isUnusedKey(key: string): boolean
  /** Opens a stream; `ask` asks for its answer, and does not reject. */
  open(open: OpenOperation, fetchResponse: (signal: AbortSignal) => Promise<HttpResponse | DroppedConnection>): void
  /** Gives a stream so many more bytes; nothing where it is over. */
  credit(key: string, bytes: number): void
  /** Lets go of a stream; nothing where it is over. */
  close(key: string): void
  /** Ends the carrier, and every stream with it. */
  end(endState: 'cut' | 'ended'): void
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
const MAX_STREAMS = 1_000
/** Keys that are remembered, so that none is used again; the oldest is forgotten. */
const MAX_REMEMBERED_KEYS = 10_000

/** Makes a channel. */
export function createChannel({
  identity: initialIdentity,
  heartbeat,
  clock,
  onChange,
  onClose,
}: ChannelOptions): Channel {
  const id = crypto.randomUUID()
  const streams = new Map<string, ChannelStream>()
  const usedKeys = new Set<string>()
  /** Streams that have something, in the order of their turns. */
  const readyStreams = new Set<ChannelStream>()
  const watchers = new Set<() => void>()
  const channelData = { channelId: id, ...(heartbeat > 0 ? { heartbeat } : {}) }
  const openingFrames: Frame[] = [{ type: 'channel', data: JSON.stringify(channelData) }]
  let identity = initialIdentity
  let state: Source['state'] = 'open'
  let stopTimer: (() => void) | undefined

  const notifyWatchers = (): void => {
    for (const watcher of watchers) watcher()
  }
  const end = (endState: 'cut' | 'ended' | 'expired'): void => {
    state = endState
    notifyWatchers()
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
  const remove = (stream: ChannelStream): void => {
    streams.delete(stream.key)
    readyStreams.delete(stream)
    onChange()
    endIfExpired()
  }
  /** A fresh function, so that two watchers with one callback are two. */
  const watch = (callback: () => void): (() => void) => {
    const watcher = (): void => callback()
    watchers.add(watcher)
    return () => void watchers.delete(watcher)
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
        const first = openingFrames.shift()
        if (first || state !== 'open') return first
        for (const stream of readyStreams) {
          readyStreams.delete(stream)
          const frame = stream.take()
          // Behind all others that have something.
          if (stream.state === 'ready') readyStreams.add(stream)
          else if (stream.state === 'closed') remove(stream)
          if (frame) return frame
        }
        return undefined
      },
      watch,
      close() {
        stopTimer?.()
        for (const stream of streams.values()) stream.close()
        streams.clear()
        readyStreams.clear()
        onChange()
        onClose()
      },
    },
    renewIdentity(newIdentity) {
      if ((newIdentity.expiresAt ?? Infinity) <= (identity.expiresAt ?? Infinity)) return
      identity = newIdentity
      watchExpiry()
    },
    isUnusedKey: (key) => !usedKeys.has(key) && !streams.has(key),
    open({ key, path, window }, fetchResponse) {
      usedKeys.add(key)
      if (usedKeys.size > MAX_REMEMBERED_KEYS) usedKeys.delete(usedKeys.values().next().value!)
      const isFull = streams.size >= MAX_STREAMS
      const stream = createChannelStream({
        key,
        url: path,
        window,
        fetchResponse: isFull ? async () => problemResponse(503, 'Too many streams on this channel.') : fetchResponse,
        onReady() {
          if (streams.get(key) !== stream) return
          readyStreams.add(stream)
          notifyWatchers()
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
