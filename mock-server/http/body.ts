/** Reads request bodies that must be JSON objects. */
import { parseJson, readBody } from '../../server/http/body.ts'
import { HttpError } from '../../server/http/problem.ts'

/**
 * Reads the body as a JSON object.
 * @throws `HttpError` 400 for anything else, and the errors of `readBody`
 */
export async function readJson(request: Request, limit: number): Promise<Record<string, unknown>> {
  return parseJsonObject(await readBody(request, limit))
}

/**
 * Parses a JSON object.
 * @throws `HttpError` 400 for anything else
 */
export function parseJsonObject(text: string): Record<string, unknown> {
  return assertJsonObject(parseJson(text))
}

/**
 * Returns a JSON value as an object.
 * @throws `HttpError` 400 for anything else
 */
export function assertJsonObject(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new HttpError(400, 'The request body is not a JSON object.')
  }
  return value as Record<string, unknown>
}
