/** An event to the text of its block: the parser's counterpart. */

/** What one block says; each field is left out where it is absent. */
export interface EventFields {
  /** The event's name. */
  type?: string | undefined
  /** Payload; each of its lines (CR, LF or CRLF) becomes a `data` line, so it arrives with LF. */
  data?: string | undefined
  /** The event's id; an empty one clears the last event ID. */
  id?: string | undefined
  /** Reconnection time in whole milliseconds. */
  retry?: number | undefined
  /** Comes first; no event. */
  comment?: string | undefined
}

/** A line of its own, refused where a line end or NUL in it would be read as something else (PROTOCOL.md, 1.2). */
function encodeLine(name: string, value: string | undefined): string {
  if (value === undefined) return ''
  if (/[\r\n\0]/.test(value)) throw new TypeError(`${name || 'comment'}: must not contain CR, LF or NUL`)
  return `${name}: ${value}\n`
}

/**
 * The text of one block, its blank line included.
 * @throws TypeError for CR, LF or NUL in `type`, `id` or `comment`, and for a `retry` that is not a whole number of milliseconds.
 * @example encodeEvent({ type: 'price', data: '1', id: '7' }) // 'event: price\nid: 7\ndata: 1\n\n'
 */
export function encodeEvent({ type, data, id, retry, comment }: EventFields): string {
  // Beyond the safe integers a number may print as `1e21`, which is no `retry`.
  if (retry !== undefined && !(Number.isSafeInteger(retry) && retry >= 0)) {
    throw new TypeError('retry: must be a whole number of milliseconds')
  }
  let text =
    encodeLine('', comment) + encodeLine('event', type) + encodeLine('id', id) + encodeLine('retry', retry?.toString())
  if (data !== undefined) for (const line of data.split(/\r\n|\r|\n/)) text += `data: ${line}\n`
  return `${text}\n`
}
