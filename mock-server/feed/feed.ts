/** An endless stream: one bounded log of events, and the clients that read it. */
import type { EventLog } from '../base/event-log.ts'
import { createEventLog } from '../base/event-log.ts'
import type { Traffic } from '../http/traffic.ts'
import type { Frame } from '../stream/frame.ts'
import { createFrame } from '../stream/frame.ts'
import type { Source } from '../stream/source.ts'

/** An event to send: `type` is `message` unless given, `data` anything that JSON can say. */
export interface FeedEvent {
  readonly type?: string
  readonly data: unknown
}

/** What a client is known by. */
export interface Client {
  /** Unguessable; the client was told it in `connected`. */
  readonly id: string
  readonly path: string
  /** The identity it reads as. */
  readonly subject: string
  /** The position that it asked for, if any. */
  readonly lastEventId?: string
  /** What it is read over; on a channel it shares that with other streams. */
  readonly connection: Traffic
}

/** How a client reads. */
export interface ReadOptions {
  readonly subject: string
  readonly lastEventId: string | undefined
  readonly connection: Traffic
  /** The interval that `connected` announces; 0: none. */
  readonly heartbeat: number
  /** Only events of these types. */
  readonly types?: ReadonlySet<string> | undefined
  /** A fault: begins this many events too early. */
  readonly overlap?: number | undefined
  /** A fault: the position is said to be gone. */
  readonly gap?: 'expired' | 'unknown' | undefined
}

/** A feed at one path. */
export interface Feed {
  readonly path: string
  readonly clients: readonly Client[]
  /** ID of the newest event, or of the position before the first one. */
  readonly lastEventId: string
  /** How many events are kept for those who come back. */
  readonly keptEvents: number
  /** Sends to all clients; returns the event's id. Throws `TypeError` for CR, LF or NUL in `type`, and sends nothing then. */
  send(event: FeedEvent): string
  read(options: ReadOptions): Source
  /** Cuts every connection; the clients come back. */
  drop(): void
  /** Begins a new, empty log and cuts every connection: positions of the old one are unknown from now on. */
  clearHistory(): void
  /** `closed`: who comes now is told that there is nothing to come back for. */
  readonly state: 'open' | 'closed'
  /** Ends every connection in good order, for good. */
  close(): void
}

/** What precedes the position is not ours: proxies of faults may have put something there. */
const EVENT_ID = /([0-9a-f]+)-(\d+)$/

const createEpoch = (): string => crypto.randomUUID().slice(0, 8)

/** Makes a feed that keeps its last `history` events. */
export function createFeed(path: string, history: number): Feed {
  let epoch = createEpoch()
  let log: EventLog<Frame> = createEventLog<Frame>(history)
  const readers = new Map<Client, (endState: 'ended' | 'cut') => void>()

  let feedState: 'open' | 'closed' = 'open'

  const formatId = (position: number): string => `${epoch}-${position}`

  /** Where a connection goes on from, and why not from where it asked. */
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
      // It throws before anything is kept.
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
      /** Position of the last id that this client was sent. */
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
