/** Operations on the streams of a channel, as a POST brings them (PROTOCOL.md 5.2). */
import { HttpError } from '../http/problem.ts'

/** Opens a stream with a request of its own, under a key that its events then carry. */
export interface OpenOperation {
  readonly op: 'open'
  readonly key: string
  readonly method: string
  /** Path and query, as in a request line. */
  readonly path: string
  readonly headers: Headers
  readonly body: string | undefined
  /** Maximum number of bytes in flight. */
  readonly window: number
}

/** An operation on one stream. */
export type Operation =
  | OpenOperation
  | { readonly op: 'credit'; readonly key: string; readonly bytes: number }
  | { readonly op: 'close'; readonly key: string }

/** The operations of one POST. */
export interface OperationBatch {
  readonly channelId: string
  readonly operations: readonly Operation[]
}

const DEFAULT_WINDOW_BYTES = 256 * 1024
const KEY_PATTERN = /^[A-Za-z0-9_-]{1,32}$/
const METHOD_PATTERN = /^(?!(connect|trace|track)$)[a-z]{1,16}$/i
/** An absolute path, as in a request line. */
const PATH_PATTERN = /^\/[!-~]*$/

type JsonObject = Readonly<Record<string, unknown>>

const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isByteCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
const isString = (value: unknown): value is string => typeof value === 'string'

const expected = (where: string, what: string): HttpError => new HttpError(400, `${where}: expected ${what}.`)

/** Encodes text as UTF-8 with one character per byte, as header values require. */
const toByteString = (text: string): string =>
  Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join('')

function parseHeaders(where: string, init: unknown, lastEventId: string | undefined): Headers {
  try {
    const headers = new Headers((init ?? {}) as HeadersInit)
    if (lastEventId) headers.set('last-event-id', toByteString(lastEventId))
    return headers
  } catch {
    throw expected(where, 'valid header names and values')
  }
}

function parseOpen(where: string, key: string, fields: JsonObject): OpenOperation {
  const { method = 'GET', path, headers, body, lastEventId, window = DEFAULT_WINDOW_BYTES } = fields
  if (!isString(method) || !METHOD_PATTERN.test(method)) throw expected(`${where}.method`, 'an HTTP method')
  if (!isString(path) || !PATH_PATTERN.test(path)) throw expected(`${where}.path`, 'a path that starts with /')
  if (body !== undefined && (!isString(body) || /^(get|head)$/i.test(method))) {
    throw expected(`${where}.body`, 'a string, and a method that allows a body')
  }
  if (lastEventId !== undefined && (!isString(lastEventId) || /[\r\n\0]/.test(lastEventId))) {
    throw expected(`${where}.lastEventId`, 'a string without CR, LF or NUL')
  }
  if (!isByteCount(window) || window === 0) throw expected(`${where}.window`, 'a positive number of bytes')
  return {
    op: 'open',
    key,
    method: method.toUpperCase(),
    path,
    headers: parseHeaders(`${where}.headers`, headers, lastEventId),
    body,
    window,
  }
}

function parseOperation(where: string, value: unknown): Operation {
  if (!isJsonObject(value)) throw expected(where, 'an object')
  const { op, key, bytes } = value
  if (!isString(key) || !KEY_PATTERN.test(key)) throw expected(`${where}.key`, '1 to 32 characters of A-Z a-z 0-9 _ -')
  switch (op) {
    case 'open':
      return parseOpen(where, key, value)
    case 'credit':
      if (!isByteCount(bytes)) throw expected(`${where}.bytes`, 'a number of bytes')
      return { op, key, bytes }
    case 'close':
      return { op, key }
    default:
      throw expected(`${where}.op`, 'open, credit or close')
  }
}

/**
 * Parses the body of a POST.
 * @throws HttpError 400 if anything in it is malformed, 413 if it has more than `limit` operations
 */
export function parseOperations(body: unknown, limit: number): OperationBatch {
  if (!isJsonObject(body)) throw expected('body', 'an object')
  const { channelId, ops } = body
  if (!isString(channelId)) throw expected('channelId', 'a string')
  if (!Array.isArray(ops)) throw expected('ops', 'an array')
  if (ops.length > limit) throw new HttpError(413, `ops: expected at most ${limit} operations.`)
  return { channelId, operations: ops.map((value: unknown, index) => parseOperation(`ops[${index}]`, value)) }
}
