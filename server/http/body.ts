/** Reads request bodies, up to a limit. */
import { HttpError } from './problem.ts'

/**
 * Reads the body as text.
 * @throws HttpError 413 as soon as the body exceeds `limit` bytes, 400 for invalid UTF-8
 */
export async function readBody(request: Request, limit: number): Promise<string> {
  const tooLarge = (): HttpError => new HttpError(413, `The request body exceeds ${limit} bytes.`)
  if (Number(request.headers.get('content-length')) > limit) throw tooLarge()
  // Firefox has no `Request.prototype.body`: the body is in memory there anyway, so it is read as a whole.
  const body = request.body === undefined ? new Response(await request.arrayBuffer()).body : request.body
  if (!body) return ''
  const reader = body.getReader()
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let text = ''
  let size = 0
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return text + decoder.decode()
      size += value.length
      if (size > limit) throw tooLarge()
      text += decoder.decode(value, { stream: true })
    }
  } catch (error) {
    // The rest of the body is not needed, so it does not matter if the cancellation fails.
    reader.cancel().catch(() => undefined)
    if (error instanceof TypeError) throw new HttpError(400, 'The request body is not valid UTF-8.')
    throw error
  }
}

/**
 * Parses a request body.
 * @throws HttpError 400 if it is not JSON
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new HttpError(400, 'The request body is not valid JSON.')
  }
}
