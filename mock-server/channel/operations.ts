/** What streams ask of a channel, out of the body of a POST (PROTOCOL.md 5.2). */
import { Refusal } from '../http/problem.ts'

/** A stream to open: a request, under the key that its events will carry. */
export interface Open {
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
export type Op =
  | Open
  | { readonly op: 'credit'; readonly key: string; readonly bytes: number }
  | { readonly op: 'close'; readonly key: string }

/** Operations in one body. */
const LIMIT = 1_000
const WINDOW = 256 * 1024
const KEY = /^[A-Za-z0-9_-]{1,32}$/
const METHOD = /^(?!(connect|trace|track)$)[a-z]{1,16}$/i
/** As in a request line, from the root of the origin. */
const PATH = /^\/[!-~]*$/
/** Of the connection, or of the page: what a stream says of them counts for nothing. */
const NOT_ITS_OWN = ['host', 'origin', 'cookie', 'connection', 'content-length', 'transfer-encoding', 'accept-encoding']

type Fields = Readonly<Record<string, unknown>>

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
const isText = (value: unknown): value is string => typeof value === 'string'

function expect(where: string, what: string): never {
  throw new Refusal(400, `${where}: expected ${what}.`)
}

/** The id's UTF-8 bytes, a character each, as a header has them. */
const byteString = (text: string): string =>
  Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join('')

function parseHeaders(where: string, given: unknown, lastEventId: string | undefined): Headers {
  try {
    const headers = new Headers((given ?? {}) as HeadersInit)
    if (lastEventId) headers.set('last-event-id', byteString(lastEventId))
    for (const name of NOT_ITS_OWN) headers.delete(name)
    return headers
  } catch {
    return expect(where, 'names and values that a header may have')
  }
}

function parseOpen(where: string, key: string, fields: Fields): Open {
  const { method = 'GET', path, headers, body, lastEventId, window = WINDOW } = fields
  if (!isText(method) || !METHOD.test(method)) return expect(`${where}.method`, 'a method')
  if (!isText(path) || !PATH.test(path)) return expect(`${where}.path`, 'a path that begins with /')
  if (body !== undefined && (!isText(body) || /^(GET|HEAD)$/i.test(method)))
    return expect(`${where}.body`, 'a text, and no GET')
  if (lastEventId !== undefined && (!isText(lastEventId) || /[\r\n\0]/.test(lastEventId))) {
    return expect(`${where}.lastEventId`, 'a text without CR, LF or NUL')
  }
  if (!isSize(window) || window === 0) return expect(`${where}.window`, 'a number of bytes above 0')
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

function parseOp(where: string, value: unknown): Op {
  if (!isFields(value)) return expect(where, 'an operation')
  const { op, key, bytes } = value
  if (!isText(key) || !KEY.test(key)) return expect(`${where}.key`, 'a key of 1 to 32 of A-Z a-z 0-9 _ -')
  switch (op) {
    case 'open':
      return parseOpen(where, key, value)
    case 'credit':
      return isSize(bytes) ? { op, key, bytes } : expect(`${where}.bytes`, 'a number of bytes')
    case 'close':
      return { op, key }
    default:
      return expect(`${where}.op`, 'open, credit or close')
  }
}

/** Reads them. Refuses with 400 what is malformed, as a whole: nothing of it is to be done. */
export function parseOps({ channelId, ops }: Fields): { readonly channelId: string; readonly ops: readonly Op[] } {
  if (!isText(channelId)) return expect('channelId', 'a text')
  if (!Array.isArray(ops)) return expect('ops', 'a list')
  if (ops.length > LIMIT) throw new Refusal(413, `ops: more than ${LIMIT}.`)
  return { channelId, ops: ops.map((op: unknown, index) => parseOp(`ops[${index}]`, op)) }
}
