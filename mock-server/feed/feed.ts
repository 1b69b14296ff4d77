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
  readonly kept: number
  /** Sends to all clients; returns the event's id. Throws `TypeError` for CR, LF or NUL in `type`, and sends nothing then. */
  send(event: FeedEvent): string
  read(options: ReadOptions): Source
  /** Cuts every connection; the clients come back. */
  drop(): void
  /** Begins a new, empty log and cuts every connection: positions of the old one are unknown from now on. */
  lose(): void
  /** `closed`: who comes now is told that there is nothing to come back for. */
  readonly state: 'open' | 'closed'
  /** Ends every connection in good order, for good. */
  close(): void
}

/** What precedes the position is not ours: proxies of faults may have put something there. */
const POSITION = /([0-9a-f]+)-(\d+)$/

const newEpoch = (): string => crypto.randomUUID().slice(0, 8)

/** Makes a feed that keeps its last `history` events. */
export function createFeed(path: string, history: number): Feed {
  let epoch = newEpoch()
  let log: EventLog<Frame> = createEventLog<Frame>(history)
  const readers = new Map<Client, (how: 'ended' | 'cut') => void>()

  let feedState: 'open' | 'closed' = 'open'

  const idOf = (position: number): string => `${epoch}-${position}`

  /** Where a connection goes on from, and why not from where it asked. */
  const locate = (
    asked: string | undefined,
    options: ReadOptions,
  ): { position: number; reset?: 'expired' | 'unknown' } => {
    if (!asked) return { position: log.head }
    if (options.gap) return { position: log.head, reset: options.gap }
    const [, askedEpoch, digits] = POSITION.exec(asked) ?? []
    const position = Number(digits)
    if (askedEpoch !== epoch || !(position <= log.head)) return { position: log.head, reset: 'unknown' }
    if (position < log.first - 1) return { position: log.head, reset: 'expired' }
    return { position }
  }

  const endAll = (how: 'ended' | 'cut'): void => {
    for (const end of readers.values()) end(how)
  }

  return {
    path,
    get clients() {
      return [...readers.keys()]
    },
    get lastEventId() {
      return idOf(log.head)
    },
    get kept() {
      return log.head - log.first + 1
    },
    send({ type, data }) {
      const id = idOf(log.head + 1)
      // It throws before anything is kept.
      log.append(createFrame({ ...(type === undefined ? {} : { type }), data: JSON.stringify(data) ?? 'null', id }))
      return id
    },
    read(options) {
      const mine = log
      const { lastEventId, subject, types, connection } = options
      const { position: from, reset } = locate(lastEventId, options)
      const client: Client = {
        id: crypto.randomUUID(),
        path,
        subject,
        connection,
        ...(lastEventId === undefined ? {} : { lastEventId }),
      }
      const hello = {
        protocol: 1,
        clientId: client.id,
        message: 'connected',
        ...(options.heartbeat > 0 ? { heartbeat: options.heartbeat } : {}),
      }
      const opening: Frame[] = [{ type: 'connected', data: JSON.stringify(hello), id: idOf(from) }]
      if (reset) opening.push({ type: 'reset', data: JSON.stringify({ reason: reset }) })

      let position = Math.max(mine.first - 1, from - (reset ? 0 : (options.overlap ?? 0)))
      /** Position of the last id that this client was sent. */
      let told = position
      let state: Source['state'] = 'open'
      const wakes = new Set<() => void>()
      readers.set(client, (how) => {
        state = how
        for (const wake of wakes) wake()
      })

      return {
        get state() {
          return state === 'open' && position < mine.first - 1 ? 'cut' : state
        },
        take() {
          const first = opening.shift()
          if (first || state !== 'open') return first
          for (;;) {
            const frame = mine.at(position + 1)
            if (!frame) return undefined
            position++
            if (types && !types.has(frame.type ?? 'message')) continue
            told = position
            return frame
          }
        },
        idle() {
          if (told === position) return undefined
          told = position
          return { id: idOf(position) }
        },
        watch(wake) {
          wakes.add(wake)
          const unwatch = mine.watch(wake)
          return () => {
            wakes.delete(wake)
            unwatch()
          }
        },
        close: () => void readers.delete(client),
      }
    },
    drop: () => endAll('cut'),
    lose() {
      endAll('cut')
      epoch = newEpoch()
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
