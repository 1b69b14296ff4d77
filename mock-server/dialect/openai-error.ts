/** Errors in the format of OpenAI's API. */
import type { VendorError } from './dialect.ts'

const KINDS: Readonly<Record<number, readonly [type: string, code: string | null]>> = {
  401: ['invalid_request_error', 'invalid_api_key'],
  403: ['invalid_request_error', 'unsupported_country_region_territory'],
  404: ['invalid_request_error', 'not_found'],
  429: ['requests', 'rate_limit_exceeded'],
}

/** Returns the response to a refused request. */
export function openaiError(status: number, message: string): VendorError {
  const [type, code] = KINDS[status] ?? [status < 500 ? 'invalid_request_error' : 'server_error', null]
  return {
    body: JSON.stringify({ error: { message, type, param: null, code } }),
    headers: { 'content-type': 'application/json', 'x-request-id': `req_${crypto.randomUUID()}` },
  }
}
