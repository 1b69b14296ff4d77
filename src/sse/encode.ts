/** Encodes an event as the text of one block: the inverse of the parser. */

/** The fields of one block; `undefined` fields are omitted. */
export interface EventFields {
  /** Event name. */
  type?: string | undefined
  /** Payload. Each of its lines (ended by CR, LF or CRLF) becomes a `data` line, so line ends arrive as LF. */
  data?: string | undefined
  /** Event ID; an empty string clears the last event ID. */
  id?: string | undefined
  /** Reconnection time in whole milliseconds. */
  retry?: number | undefined
  /** Comment, sent before the fields; a block that has only a comment is not an event. */
  comment?: string | undefined
}

/** Encodes one line. Rejects line ends and NUL, with which a value could inject fields (PROTOCOL.md, 1.2). */
function encodeLine(name: string, value: string | undefined): string {
  if (value === undefined) return ''
  if (/[\r\n\0]/.test(value)) throw new TypeError(`${name || 'comment'}: must not contain CR, LF or NUL`)
  return `${name}: ${value}\n`
}

/**
 * Encodes one block, including its blank line.
 * @throws TypeError if `type`, `id` or `comment` contains CR, LF or NUL, or if `retry` is not a whole number of milliseconds.
 * @example encodeEvent({ type: 'price', data: '1', id: '7' }) // 'event: price\nid: 7\ndata: 1\n\n'
 */
export function encodeEvent({ type, data, id, retry, comment }: EventFields): string {
  // Larger numbers may print as `1e21`, which is not a valid `retry`.
  if (retry !== undefined && !(Number.isSafeInteger(retry) && retry >= 0)) {
    throw new TypeError('retry: must be a whole number of milliseconds')
  }
  let text =
    encodeLine('', comment) + encodeLine('event', type) + encodeLine('id', id) + encodeLine('retry', retry?.toString())
  if (data !== undefined) for (const line of data.split(/\r\n|\r|\n/)) text += `data: ${line}\n`
  return `${text}\n`
}
