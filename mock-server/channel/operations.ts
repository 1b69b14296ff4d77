/** Parses the operations on channel streams from the body of a POST (PROTOCOL.md 5.2). */
import { HttpError } from '../http/problem.ts'

/** An operation that opens a stream: the request to send, and the key that identifies the stream's events. */
export interface OpenOperation {
  readonly op: 'open'
  readonly key: string
  readonly method: string
  /** Path and query, as in a request line. */
  readonly path: string
  readonly headers: Headers
  readonly body: string | undefined
  readonly lastEventId: string | undefined
  /** Maximum number of bytes in flight. */
  readonly window: number
}

/** An operation on a channel stream. */
export type Operation =
  | OpenOperation
  | { readonly op: 'credit'; readonly key: string; readonly bytes: number }
  | { readonly op: 'close'; readonly key: string }

/** Maximum number of operations in one request. */
const MAX_OPERATIONS = 1_000
const DEFAULT_WINDOW_BYTES = 256 * 1024
const KEY_PATTERN = /^[A-Za-z0-9_-]{1,32}$/
const METHOD_PATTERN = /^(?!(connect|trace|track)$)[a-z]{1,16}$/i
/** An absolute path, as in a request line. */
const PATH_PATTERN = /^\/[!-~]*$/
/** Headers that belong to the connection or the page; they are removed from a stream's headers. */
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

/** Encodes text as UTF-8 with one character per byte, as header values require. */
const toByteString = (text: string): string =>
  Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join('')

function parseHeaders(where: string, headersInit: unknown, lastEventId: string | undefined): Headers {
  try {
    const headers = new Headers((headersInit ?? {}) as HeadersInit)
    if (lastEventId) headers.set('last-event-id', toByteString(lastEventId))
    for (const name of CONNECTION_HEADERS) headers.delete(name)
    return headers
  } catch {
    return throwExpected(where, 'valid header names and values')
  }
}

function parseOpenOperation(where: string, key: string, fields: JsonObject): OpenOperation {
  const { method = 'GET', path, headers, body, lastEventId, window = DEFAULT_WINDOW_BYTES } = fields
  if (!isString(method) || !METHOD_PATTERN.test(method)) return throwExpected(`${where}.method`, 'an HTTP method')
  if (!isString(path) || !PATH_PATTERN.test(path)) return throwExpected(`${where}.path`, 'a path that starts with /')
  if (body !== undefined && (!isString(body) || /^(GET|HEAD)$/i.test(method)))
    return throwExpected(`${where}.body`, 'a string, and a method that allows a body')
  if (lastEventId !== undefined && (!isString(lastEventId) || /[\r\n\0]/.test(lastEventId))) {
    return throwExpected(`${where}.lastEventId`, 'a string without CR, LF or NUL')
  }
  if (!isByteCount(window) || window === 0) return throwExpected(`${where}.window`, 'a positive number of bytes')
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
  if (!isJsonObject(value)) return throwExpected(where, 'an object')
  const { op, key, bytes } = value
  if (!isString(key) || !KEY_PATTERN.test(key))
    return throwExpected(`${where}.key`, '1 to 32 characters of A-Z a-z 0-9 _ -')
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

/**
 * Parses the operations.
 * @throws `HttpError` 400 if any operation is malformed, 413 if there are too many
 */
export function parseOperations({ channelId, ops }: JsonObject): {
  readonly channelId: string
  readonly ops: readonly Operation[]
} {
  if (!isString(channelId)) return throwExpected('channelId', 'a string')
  if (!Array.isArray(ops)) return throwExpected('ops', 'an array')
  if (ops.length > MAX_OPERATIONS) throw new HttpError(413, `ops: expected at most ${MAX_OPERATIONS} operations.`)
  return { channelId, ops: ops.map((op: unknown, index) => parseOperation(`ops[${index}]`, op)) }
}
