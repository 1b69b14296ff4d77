/** A channel: many streams that take turns on one connection (PROTOCOL.md 5). */
import type { Clock } from '../../server/base/clock.ts'
import type { OpenOperation } from '../../server/channel/operations.ts'
import type { Identity } from '../http/identity.ts'
import { problemResponse } from '../http/problem.ts'
import type { HttpResponse, DroppedConnection } from '../http/response.ts'
import type { Frame } from '../stream/frame.ts'
import type { Source } from '../stream/source.ts'
import type { ChannelStream } from './channel-stream.ts'
import { createChannelStream } from './channel-stream.ts'

/** A channel; its source provides the frames of the channel connection. */
export interface Channel {
  /** Unguessable ID, sent to the client in the `channel` event. */
  readonly id: string
  /** Identity that opened the channel, with its newest credentials. */
  readonly identity: Identity
  /** Number of open streams. */
  readonly streamCount: number
  /** Frames of the channel connection. */
  readonly source: Source
  /** Replaces the identity if the new one, which must have the same subject, expires later. */
  renewIdentity(identity: Identity): void
  /** Whether a stream may be opened under this key; each key can be used only once. */
  isUnusedKey(key: string): boolean
  /** Opens a stream; `fetchResponse` fetches its response and does not reject. */
  openStream(
    operation: OpenOperation,
    fetchResponse: (signal: AbortSignal) => Promise<HttpResponse | DroppedConnection>,
  ): void
  /** Grants a stream more credit; has no effect if the stream has ended. */
  grantCredit(key: string, bytes: number): void
  /** Closes a stream; has no effect if the stream has ended. */
  closeStream(key: string): void
  /** Ends the channel connection, and every stream with it. */
  end(endState: 'cut' | 'ended'): void
}

/** Options of `createChannel`. */
export interface ChannelOptions {
  readonly identity: Identity
  /** Heartbeat interval that `channel` announces, in milliseconds; 0 announces none. */
  readonly heartbeat: number
  readonly clock: Clock
  /** Called when a stream has opened or ended. */
  onChange(): void
  /** Called when the channel connection has ended. */
  onClose(): void
}

/** Maximum number of open streams. */
const MAX_STREAMS = 1_000
/** Number of keys remembered to detect reuse; the oldest is forgotten first. */
const MAX_REMEMBERED_KEYS = 10_000

/** Creates a channel. */
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
  /** Streams with a frame to send, in the order of their turns. */
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
  /** Ends an expired channel, unless it has streams: a stream may have credentials of its own that are still valid. */
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
  /** Wraps the callback, so that the same callback can be registered twice. */
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
    get streamCount() {
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
          // The stream takes its next turn after all other ready streams.
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
    openStream({ key, path, window }, fetchResponse) {
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
    grantCredit: (key, bytes) => streams.get(key)?.credit(bytes),
    closeStream(key) {
      const stream = streams.get(key)
      if (!stream) return
      stream.close()
      remove(stream)
    },
    end,
  }
}
