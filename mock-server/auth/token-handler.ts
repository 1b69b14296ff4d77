/** `POST /api/token`: issues a short-lived token to any client, which only a mock may do. */
import { readBody } from '../../server/http/body.ts'
import { HttpError } from '../../server/http/problem.ts'
import { parseJsonObject } from '../http/body.ts'
import type { Handler } from '../http/exchange.ts'
import type { Authenticator } from '../http/identity.ts'
import { jsonResponse } from '../http/response.ts'

/** Creates the handler of token requests; the request body is optional. */
export function handleTokenRequest(issue: NonNullable<Authenticator['issue']>, bodyLimit: number): Handler {
  return async ({ request }) => {
    const body = await readBody(request, bodyLimit)
    try {
      return jsonResponse(200, await issue(body === '' ? {} : parseJsonObject(body)))
    } catch (error) {
      if (error instanceof TypeError) throw new HttpError(400, error.message)
      throw error
    }
  }
}
