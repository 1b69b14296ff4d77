/** Reads a request's body, up to a limit. */
import { HttpError } from './problem.ts'

/** The body as text. Refuses with 413 what is larger than `limit` bytes, without reading it to its end. */
export async function readBody(request: Request, limit: number): Promise<string> {
  const tooLarge = (): HttpError => new HttpError(413, `The body is larger than ${limit} bytes.`)
  if (Number(request.headers.get('content-length')) > limit) throw tooLarge()
  if (!request.body) return ''
  const reader = request.body.getReader()
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
    // The rest is not wanted; that it cannot be cancelled any more is no further fault.
    reader.cancel().catch(() => undefined)
    if (error instanceof TypeError) throw new HttpError(400, 'The body is not UTF-8.')
    throw error
  }
}

/** The body as a JSON object. Refuses with 400 what is none. */
export async function readJson(request: Request, limit: number): Promise<Record<string, unknown>> {
  return parseJson(await readBody(request, limit))
}

/** A JSON object from text. Refuses with 400 what is none. */
export function parseJson(text: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new HttpError(400, 'The body is not JSON.')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new HttpError(400, 'The body is not a JSON object.')
  }
  return value as Record<string, unknown>
}
