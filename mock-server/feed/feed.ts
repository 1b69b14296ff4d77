/** A feed: an endless stream with a bounded event log, and the clients that read it. */
import type { EventLog } from '../base/event-log.ts'
import { createEventLog } from '../base/event-log.ts'
import type { Traffic } from '../http/traffic.ts'
import type { Frame } from '../stream/frame.ts'
import { createFrame } from '../stream/frame.ts'
import type { Source } from '../stream/source.ts'

/** An event to send. */
export interface FeedEvent {
  /** Event name. @defaultValue 'message' */
  readonly type?: string
  /** Payload; any JSON value. */
  readonly data: unknown
}

/** A client that reads a feed. */
export interface Client {
  /** Unguessable ID, sent to the client in the `connected` event. */
  readonly id: string
  /** Path of the feed. */
  readonly path: string
  /** Subject of the client's identity. */
  readonly subject: string
  /** `Last-Event-ID` of the client's request, if any. */
  readonly lastEventId?: string
  /** Traffic figures of the client's connection; all streams of a channel share them. */
  readonly connection: Traffic
}

/** Options of `Feed.read`. */
export interface ReadOptions {
  readonly subject: string
  readonly lastEventId: string | undefined
  readonly connection: Traffic
  /** Heartbeat interval that `connected` announces, in milliseconds; 0 announces none. */
  readonly heartbeat: number
  /** Event types to send. @defaultValue all */
  readonly types?: ReadonlySet<string> | undefined
  /** Fault: starts a resumed stream this many events too early. */
  readonly overlap?: number | undefined
  /** Fault: sends a `reset` event with this reason when a stream is resumed. */
  readonly gap?: 'expired' | 'unknown' | undefined
}

/** A feed at one path. */
export interface Feed {
  readonly path: string
  /** The clients currently reading the feed. */
  readonly clients: readonly Client[]
  /** ID of the newest event; before the first event, the ID of position 0. */
  readonly lastEventId: string
  /** Number of events kept for resuming clients. */
  readonly keptEvents: number
  /**
   * Sends an event to all clients and returns its ID.
   * @throws `TypeError` for CR, LF or NUL in `type`; then nothing is sent
   */
  send(event: FeedEvent): string
  /** Adds a client and returns the source of its frames. */
  read(options: ReadOptions): Source
  /** Cuts every connection; clients can reconnect and resume. */
  drop(): void
  /** Starts a new, empty log and cuts every connection; event IDs of the old log become unknown. */
  clearHistory(): void
  /** A `closed` feed answers every request with 204, so that clients do not reconnect. */
  readonly state: 'open' | 'closed'
  /** Closes the feed for good and ends every connection cleanly. */
  close(): void
}

/** Pattern of event IDs. Not anchored at the start, because the fault `id-prefix` may have added a prefix. */
const EVENT_ID = /([0-9a-f]+)-(\d+)$/

const createEpoch = (): string => crypto.randomUUID().slice(0, 8)

/** Creates a feed that keeps its last `history` events. */
export function createFeed(path: string, history: number): Feed {
  let epoch = createEpoch()
  let log: EventLog<Frame> = createEventLog<Frame>(history)
  const readers = new Map<Client, (endState: 'ended' | 'cut') => void>()

  let feedState: 'open' | 'closed' = 'open'

  const formatId = (position: number): string => `${epoch}-${position}`

  /** Returns the position to continue from and, if that is not the requested position, the reason. */
  const locatePosition = (
    requestedId: string | undefined,
    options: ReadOptions,
  ): { position: number; reset?: 'expired' | 'unknown' } => {
    if (!requestedId) return { position: log.head }
    if (options.gap) return { position: log.head, reset: options.gap }
    const [, requestedEpoch, digits] = EVENT_ID.exec(requestedId) ?? []
    const position = Number(digits)
    if (requestedEpoch !== epoch || !(position <= log.head)) return { position: log.head, reset: 'unknown' }
    if (position < log.first - 1) return { position: log.head, reset: 'expired' }
    return { position }
  }

  const endAll = (endState: 'ended' | 'cut'): void => {
    for (const end of readers.values()) end(endState)
  }

  return {
    path,
    get clients() {
      return [...readers.keys()]
    },
    get lastEventId() {
      return formatId(log.head)
    },
    get keptEvents() {
      return log.head - log.first + 1
    },
    send({ type, data }) {
      const id = formatId(log.head + 1)
      // For an invalid type, `createFrame` throws before anything is appended.
      log.append(createFrame({ ...(type === undefined ? {} : { type }), data: JSON.stringify(data) ?? 'null', id }))
      return id
    },
    read(options) {
      const readerLog = log
      const { lastEventId, subject, types, connection } = options
      const { position: startPosition, reset } = locatePosition(lastEventId, options)
      const client: Client = {
        id: crypto.randomUUID(),
        path,
        subject,
        connection,
        ...(lastEventId === undefined ? {} : { lastEventId }),
      }
      const connectedData = {
        protocol: 1,
        clientId: client.id,
        message: 'connected',
        ...(options.heartbeat > 0 ? { heartbeat: options.heartbeat } : {}),
      }
      const openingFrames: Frame[] = [
        { type: 'connected', data: JSON.stringify(connectedData), id: formatId(startPosition) },
      ]
      if (reset) openingFrames.push({ type: 'reset', data: JSON.stringify({ reason: reset }) })

      let position = Math.max(readerLog.first - 1, startPosition - (reset ? 0 : (options.overlap ?? 0)))
      /** Position of the last ID sent to this client. */
      let sentPosition = position
      let state: Source['state'] = 'open'
      const watchers = new Set<() => void>()
      readers.set(client, (endState) => {
        state = endState
        for (const onUpdate of watchers) onUpdate()
      })

      return {
        get state() {
          return state === 'open' && position < readerLog.first - 1 ? 'cut' : state
        },
        take() {
          const first = openingFrames.shift()
          if (first || state !== 'open') return first
          for (;;) {
            const frame = readerLog.at(position + 1)
            if (!frame) return undefined
            position++
            if (types && !types.has(frame.type ?? 'message')) continue
            sentPosition = position
            return frame
          }
        },
        heartbeatFrame() {
          if (sentPosition === position) return undefined
          sentPosition = position
          return { id: formatId(position) }
        },
        watch(onUpdate) {
          watchers.add(onUpdate)
          const unwatch = readerLog.watch(onUpdate)
          return () => {
            watchers.delete(onUpdate)
            unwatch()
          }
        },
        close: () => void readers.delete(client),
      }
    },
    drop: () => endAll('cut'),
    clearHistory() {
      endAll('cut')
      epoch = createEpoch()
      log = createEventLog<Frame>(history)
    },
    get state() {
      return feedState
    },
    close() {
      feedState = 'closed'
      endAll('ended')
    },
  }
}
