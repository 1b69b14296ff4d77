/** A feed: an endless stream of the server, and the clients that read it. */
import { createNonce } from '../../server/base/nonce.ts'
import type { Position } from '../../server/http/hooks.ts'
import type { Page } from '../../server/log/event-log.ts'
import { everything, onlyTypes } from '../../server/stream/view.ts'
import { formatId } from '../../server/stream/wire-id.ts'
import { encodeEvent } from '../../src/sse/encode.ts'
import type { Exchange } from '../http/exchange.ts'
import { streamResponse } from '../http/exchange.ts'
import type { MockKernel } from '../http/kernel.ts'
import type { HttpResponse } from '../http/response.ts'
import { emptyResponse } from '../http/response.ts'
import type { Traffic } from '../http/traffic.ts'
import { FrameReader } from '../stream/frame-reader.ts'

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
  /** Cuts every connection; clients can reconnect and resume. */
  drop(): void
  /** Starts a new, empty log and cuts every connection; event IDs of the old log become unknown. */
  clearHistory(): void
  /** A `closed` feed answers every request with 204, so that clients do not reconnect. */
  readonly state: 'open' | 'closed'
  /** Closes the feed for good and ends every connection cleanly. */
  close(): void
}

/** A feed with the handler of requests that read it. */
export interface ReadableFeed extends Feed {
  /** Handles a request; `?types=a,b` filters by event type. */
  read(exchange: Exchange): Promise<HttpResponse>
}

/** Creates a feed that keeps its last `history` events. */
export function createFeed({ server, streams, handle }: MockKernel, path: string, history: number): ReadableFeed {
  const { handler } = server.feed(path)
  const stream = `feed:${path}`
  // A client resumes after an event that must be kept itself.
  const retention = { events: history + 1, bytes: Infinity, age: 0 }
  const readers = new Map<Client, FrameReader>()
  let state: Feed['state'] = 'open'

  const pageAfter = (position: number): Page => streams.read(stream, position, { bytes: 1 })!
  const headPage = (): Page => pageAfter(Number.MAX_SAFE_INTEGER)
  /** Position after which the newest `history` events follow. */
  const oldestPosition = (): number => Math.max(0, headPage().head - history)
  const finishAll = (endState: 'cut' | 'ended'): void => {
    for (const reader of readers.values()) reader.finish(endState)
  }
  /** Applies the faults `gap` and `overlap`, and the history, which the log keeps for longer within a turn. */
  const begin = (from: Position, { rule }: Exchange): Position => {
    const { head, nonce } = headPage()
    const reset = rule.gap ?? (from.position < oldestPosition() ? 'expired' : from.reset)
    if (reset) return { position: head, nonce, reset }
    const position = Math.max(oldestPosition(), from.position - (rule.overlap ?? 0))
    return { position, nonce: pageAfter(position).previousNonce }
  }

  return {
    path,
    get clients() {
      return [...readers.keys()]
    },
    get lastEventId() {
      const { epoch, head, nonce } = headPage()
      return formatId(epoch, head, nonce)
    },
    get keptEvents() {
      return headPage().head - oldestPosition()
    },
    send({ type, data }) {
      // The frame of an event has neither its ID nor the blank line.
      const frame = encodeEvent({ type, data: JSON.stringify(data) ?? 'null' }).slice(0, -1)
      const nonce = createNonce()
      const appended = streams.append(stream, [frame], { nonce, retention })
      if ('refused' in appended) throw new Error(`The log has refused an event: ${appended.refused}`)
      const oldest = oldestPosition()
      // Readers that wait for their clients would notice only later that what they have to read next is not kept.
      for (const reader of readers.values()) if (reader.isWaiting && reader.position < oldest) reader.finish('cut')
      return formatId(appended.epoch, appended.position, nonce)
    },
    async read(exchange) {
      if (state === 'closed') return emptyResponse(204)
      const { identity, lastEventId, url, traffic } = exchange
      const types = url.searchParams.get('types')
      const opened = await handle(exchange, handler, {
        view: types === null ? everything : onlyTypes(types.split(',')),
        begin: (_stream, from) => begin(from, exchange),
      })
      if (!('source' in opened)) return opened
      const client: Client = {
        id: opened.connection.clientId!,
        path,
        subject: identity.subject,
        connection: traffic,
        ...(lastEventId === undefined ? {} : { lastEventId }),
      }
      const reader = new FrameReader(opened.source, () => void readers.delete(client))
      readers.set(client, reader)
      return streamResponse(exchange, reader)
    },
    drop: () => finishAll('cut'),
    clearHistory() {
      finishAll('cut')
      streams.drop(stream)
    },
    get state() {
      return state
    },
    close() {
      state = 'closed'
      finishAll('ended')
      streams.drop(stream)
    },
  }
}
