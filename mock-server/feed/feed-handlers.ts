/** The request handler that broadcasts to the clients of a feed. */
import { HttpError } from '../../server/http/problem.ts'
import { readJson } from '../http/body.ts'
import type { Handler } from '../http/exchange.ts'
import { jsonResponse } from '../http/response.ts'
import type { Feed } from './feed.ts'

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
