/** What streams ask of a channel, out of the body of a POST (PROTOCOL.md 5.2). */
import { HttpError } from '../http/problem.ts'

/** A stream to open: a request, under the key that its events will carry. */
export interface OpenOperation {
  readonly op: 'open'
  readonly key: string
  readonly method: string
  /** Path and query, as in a request line. */
  readonly path: string
  readonly headers: Headers
  readonly body: string | undefined
  readonly lastEventId: string | undefined
  /** Bytes that may be under way. */
  readonly window: number
}

/** One operation. */
export type Operation =
  | OpenOperation
  | { readonly op: 'credit'; readonly key: string; readonly bytes: number }
  | { readonly op: 'close'; readonly key: string }

/** Operations in one body. */
const MAX_OPERATIONS = 1_000
const DEFAULT_WINDOW_BYTES = 256 * 1024
const KEY_PATTERN = /^[A-Za-z0-9_-]{1,32}$/
const METHOD_PATTERN = /^(?!(connect|trace|track)$)[a-z]{1,16}$/i
/** As in a request line, from the root of the origin. */
const PATH_PATTERN = /^\/[!-~]*$/
/** Of the connection, or of the page: what a stream says of them counts for nothing. */
const CONNECTION_HEADERS = [
  'host',
  'origin',
  'cookie',
  'connection',
  'content-length',
  'transfer-encoding',
  'accept-encoding',
]

type JsonObject = Readonly<Record<string, unknown>>

const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isByteCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
const isString = (value: unknown): value is string => typeof value === 'string'

function throwExpected(where: string, expected: string): never {
  throw new HttpError(400, `${where}: expected ${expected}.`)
}

/** The id's UTF-8 bytes, a character each, as a header has them. */
const toByteString = (text: string): string =>
  Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join('')

function parseHeaders(where: string, headersInit: unknown, lastEventId: string | undefined): Headers {
  try {
    const headers = new Headers((headersInit ?? {}) as HeadersInit)
    if (lastEventId) headers.set('last-event-id', toByteString(lastEventId))
    for (const name of CONNECTION_HEADERS) headers.delete(name)
    return headers
  } catch {
    return throwExpected(where, 'names and values that a header may have')
  }
}

function parseOpenOperation(where: string, key: string, fields: JsonObject): OpenOperation {
  const { method = 'GET', path, headers, body, lastEventId, window = DEFAULT_WINDOW_BYTES } = fields
  if (!isString(method) || !METHOD_PATTERN.test(method)) return throwExpected(`${where}.method`, 'a method')
  if (!isString(path) || !PATH_PATTERN.test(path)) return throwExpected(`${where}.path`, 'a path that begins with /')
  if (body !== undefined && (!isString(body) || /^(GET|HEAD)$/i.test(method)))
    return throwExpected(`${where}.body`, 'a text, and no GET')
  if (lastEventId !== undefined && (!isString(lastEventId) || /[\r\n\0]/.test(lastEventId))) {
    return throwExpected(`${where}.lastEventId`, 'a text without CR, LF or NUL')
  }
  if (!isByteCount(window) || window === 0) return throwExpected(`${where}.window`, 'a number of bytes above 0')
  return {
    op: 'open',
    key,
    method: method.toUpperCase(),
    path,
    headers: parseHeaders(`${where}.headers`, headers, lastEventId),
    body,
    lastEventId,
    window,
  }
}

function parseOperation(where: string, value: unknown): Operation {
  if (!isJsonObject(value)) return throwExpected(where, 'an operation')
  const { op, key, bytes } = value
  if (!isString(key) || !KEY_PATTERN.test(key))
    return throwExpected(`${where}.key`, 'a key of 1 to 32 of A-Z a-z 0-9 _ -')
  switch (op) {
    case 'open':
      return parseOpenOperation(where, key, value)
    case 'credit':
      return isByteCount(bytes) ? { op, key, bytes } : throwExpected(`${where}.bytes`, 'a number of bytes')
    case 'close':
      return { op, key }
    default:
      return throwExpected(`${where}.op`, 'open, credit or close')
  }
}

/** Reads them. Refuses with 400 what is malformed, as a whole: nothing of it is to be done. */
export function parseOperations({ channelId, ops }: JsonObject): {
  readonly channelId: string
  readonly ops: readonly Operation[]
} {
  if (!isString(channelId)) return throwExpected('channelId', 'a text')
  if (!Array.isArray(ops)) return throwExpected('ops', 'a list')
  if (ops.length > MAX_OPERATIONS) throw new HttpError(413, `ops: more than ${MAX_OPERATIONS}.`)
  return { channelId, ops: ops.map((op: unknown, index) => parseOperation(`ops[${index}]`, op)) }
}
