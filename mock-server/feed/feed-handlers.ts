/** Request handlers for a feed: read it, and broadcast to its clients. */
import { HttpError } from '../../server/http/problem.ts'
import { readJson } from '../http/body.ts'
import type { Handler } from '../http/exchange.ts'
import { streamResponse } from '../http/exchange.ts'
import { emptyResponse, jsonResponse } from '../http/response.ts'
import type { Feed } from './feed.ts'

/** Creates the handler of `GET` for a feed; `?types=a,b` filters by event type. */
export function readFeed(feed: Feed): Handler {
  return (exchange) => {
    if (feed.state === 'closed') return emptyResponse(204)
    const { identity, rule, lastEventId, heartbeat, url, traffic } = exchange
    const types = url.searchParams.get('types')
    const source = feed.read({
      subject: identity.subject,
      lastEventId,
      connection: traffic,
      heartbeat,
      types: types === null ? undefined : new Set(types.split(',')),
      overlap: rule.overlap,
      gap: rule.gap,
    })
    return streamResponse(exchange, source)
  }
}

/** Creates the handler of a `POST` of an event `{ type?, data }`, which every client of the feed receives. */
export function broadcastTo(feed: Feed, bodyLimit: number): Handler {
  return async ({ request }) => {
    const { type, data } = await readJson(request, bodyLimit)
    if (type !== undefined && typeof type !== 'string') throw new HttpError(400, 'type: expected a string.')
    if (data === undefined) throw new HttpError(400, 'data: expected a JSON value.')
    try {
      const id = feed.send({ ...(type === undefined ? {} : { type }), data })
      return jsonResponse(202, { id, clients: feed.clients.length })
    } catch (error) {
      if (error instanceof TypeError) throw new HttpError(400, `type: ${error.message}`)
      throw error
    }
  }
}
