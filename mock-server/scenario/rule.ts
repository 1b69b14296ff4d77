/** The vocabulary of faults: every key a rule may have, with its kind of value and its meaning. */

/** An event that a run sends between two deltas. */
export interface ExtraEvent {
  /** After how many deltas. */
  readonly after: number
  /** Name of the event, for example `tool_call`. */
  readonly type: string
  readonly data: unknown
}

/**
 * What goes wrong, and for which requests. An event is counted when it was sent on this connection, `connected` and `start`
 * included; comments and id-only blocks are not counted. Durations are milliseconds.
 */
export interface Rule {
  /** Only this path; a * at its end stands for anything. */
  readonly path?: string
  /** Only this method. */
  readonly method?: string
  /** Only without (first) or with (resumed) a Last-Event-ID. */
  readonly connection?: 'first' | 'resumed'
  /** Lets the first n matching requests pass. */
  readonly skip?: number
  /** Stops after n requests. */
  readonly times?: number
  /** The same as times:1. */
  readonly once?: boolean

  /** Accepts the request and never answers. */
  readonly hang?: boolean
  /** Resets the connection before anything was done. */
  readonly refuse?: boolean
  /** Does what was asked, then resets the connection before the head. */
  readonly 'lose-answer'?: boolean
  /** Waits before it answers (milliseconds). */
  readonly 'head-delay'?: number
  /** Answers with this status. */
  readonly status?: number
  /** Retry-After of that answer: seconds, or a date. */
  readonly 'retry-after'?: number | string
  /** Location of that answer. */
  readonly location?: string
  /** Content-Type instead of the right one. */
  readonly 'content-type'?: string
  /** The body of a refusal never ends. */
  readonly 'endless-body'?: boolean
  /** Content-Encoding, whatever was accepted. */
  readonly encoding?: 'gzip' | 'br' | 'identity'

  /** Time between two deltas (milliseconds). */
  readonly delay?: number
  /** A delta is a token, not a character. */
  readonly tokens?: boolean
  /** Other events between deltas: [{ after, type, data }]. */
  readonly events?: readonly ExtraEvent[]
  /** Ends in an error event after n deltas. */
  readonly 'error-after'?: number
  /** Its code. */
  readonly 'error-code'?: string
  /** Its retryable. */
  readonly 'error-retryable'?: boolean
  /** How the run ends. */
  readonly 'finish-reason'?: 'stop' | 'length'

  /** TCP reset after n events. */
  readonly 'reset-after'?: number
  /** FIN without the last chunk after n events. */
  readonly 'truncate-after'?: number
  /** A clean end of the response after n events. */
  readonly 'end-after'?: number
  /** Silence after n events, heartbeats too; the socket stays open. */
  readonly 'stall-after'?: number
  /** Only heartbeats after n events. */
  readonly 'quiet-after'?: number
  /** Where it falls: inside the next event (the default), between events, inside a UTF-8 character, before the last byte. */
  readonly 'cut-at'?: 'middle' | 'boundary' | 'character' | 'last-byte'
  /** Announces a Content-Length that is not reached. */
  readonly 'short-length'?: boolean
  /** Sends the n-th event twice. */
  readonly duplicate?: number
  /** Sends the n-th event after the next one. */
  readonly reorder?: number
  /** Leaves out the delta with this index. */
  readonly 'drop-index'?: number
  /** The data of the n-th event is not JSON. */
  readonly 'invalid-data'?: number
  /** Sends this text, as it is, once. */
  readonly insert?: string
  /** After how many events it is sent. */
  readonly 'insert-after'?: number
  /** No event has an id. */
  readonly 'no-ids'?: boolean
  /** Every id begins with this. */
  readonly 'id-prefix'?: string
  /** A resumed stream begins n events too early. */
  readonly overlap?: number
  /** A resumed feed is answered with reset and this reason. */
  readonly gap?: 'expired' | 'unknown'
  /** A retry field with this value, whatever it is. */
  readonly retry?: number | string
  /** One line, or one event of lines, without end. */
  readonly flood?: 'line' | 'lines'
  /** After how many events it begins. */
  readonly 'flood-after'?: number
  /** How long it is, instead of endless (bytes). */
  readonly 'flood-bytes'?: number
  /** Line ends. */
  readonly newline?: 'lf' | 'crlf' | 'cr'
  /** Byte order marks at the start. */
  readonly bom?: number
  /** Time between heartbeats, or off (milliseconds). */
  readonly heartbeat?: number | 'off'
  /** Writes of n bytes (bytes). */
  readonly split?: number
  /** Time between two such writes (milliseconds). */
  readonly 'split-delay'?: number
  /** Holds everything back until n bytes are there, as a proxy does (bytes). */
  readonly buffer?: number
}

/** The kind of value that a key takes. */
export type Kind =
  | { readonly kind: 'flag' }
  | { readonly kind: 'count'; readonly least: number; readonly most?: number; readonly unit?: string }
  | { readonly kind: 'text' }
  | { readonly kind: 'choice'; readonly of: readonly string[] }
  | { readonly kind: 'events' }

/** One key: the values it takes (any of `accepts`), the group it is listed in, and what it does. */
export interface Key {
  readonly accepts: readonly Kind[]
  readonly group: 'which requests' | 'the answer' | 'the generation' | 'the stream' | 'the bytes'
  readonly does: string
}

const flag: Kind = { kind: 'flag' }
const text: Kind = { kind: 'text' }
const count: Kind = { kind: 'count', least: 0 }
const fromOne: Kind = { kind: 'count', least: 1 }
const ms: Kind = { kind: 'count', least: 0, unit: 'ms' }
const bytes: Kind = { kind: 'count', least: 1, unit: 'bytes' }
const choice = (...of: string[]): Kind => ({ kind: 'choice', of })
const key = (group: Key['group'], does: string, ...accepts: Kind[]): Key => ({ accepts, group, does })

/** Every key, in the order in which `--help` lists them. */
export const keys: { readonly [Name in keyof Rule]-?: Key } = {
  path: key('which requests', 'only this path; a * at its end stands for anything', text),
  method: key('which requests', 'only this method', text),
  connection: key(
    'which requests',
    'only without (first) or with (resumed) a Last-Event-ID',
    choice('first', 'resumed'),
  ),
  skip: key('which requests', 'lets the first n matching requests pass', count),
  times: key('which requests', 'stops after n requests', fromOne),
  once: key('which requests', 'the same as times:1', flag),

  hang: key('the answer', 'accepts the request and never answers', flag),
  refuse: key('the answer', 'resets the connection before anything was done', flag),
  'lose-answer': key('the answer', 'does what was asked, then resets the connection before the head', flag),
  'head-delay': key('the answer', 'waits before it answers', ms),
  status: key('the answer', 'answers with this status', { kind: 'count', least: 200, most: 599 }),
  'retry-after': key('the answer', 'Retry-After of that answer: seconds, or a date', count, text),
  location: key('the answer', 'Location of that answer', text),
  'content-type': key('the answer', 'Content-Type instead of the right one', text),
  'endless-body': key('the answer', 'the body of a refusal never ends', flag),
  encoding: key('the answer', 'Content-Encoding, whatever was accepted', choice('gzip', 'br', 'identity')),

  delay: key('the generation', 'time between two deltas', ms),
  tokens: key('the generation', 'a delta is a token, not a character', flag),
  events: key('the generation', 'other events between deltas: [{ after, type, data }]', { kind: 'events' }),
  'error-after': key('the generation', 'ends in an error event after n deltas', count),
  'error-code': key('the generation', 'its code', text),
  'error-retryable': key('the generation', 'its retryable', flag),
  'finish-reason': key('the generation', 'how the run ends', choice('stop', 'length')),

  'reset-after': key('the stream', 'TCP reset after n events', count),
  'truncate-after': key('the stream', 'FIN without the last chunk after n events', count),
  'end-after': key('the stream', 'a clean end of the response after n events', count),
  'stall-after': key('the stream', 'silence after n events, heartbeats too; the socket stays open', count),
  'quiet-after': key('the stream', 'only heartbeats after n events', count),
  'cut-at': key(
    'the stream',
    'where it falls: inside the next event (the default), between events, inside a UTF-8 character, before the last byte',
    choice('middle', 'boundary', 'character', 'last-byte'),
  ),
  'short-length': key('the stream', 'announces a Content-Length that is not reached', flag),
  duplicate: key('the stream', 'sends the n-th event twice', fromOne),
  reorder: key('the stream', 'sends the n-th event after the next one', fromOne),
  'drop-index': key('the stream', 'leaves out the delta with this index', count),
  'invalid-data': key('the stream', 'the data of the n-th event is not JSON', fromOne),
  insert: key('the stream', 'sends this text, as it is, once', text),
  'insert-after': key('the stream', 'after how many events it is sent', count),
  'no-ids': key('the stream', 'no event has an id', flag),
  'id-prefix': key('the stream', 'every id begins with this', text),
  overlap: key('the stream', 'a resumed stream begins n events too early', count),
  gap: key('the stream', 'a resumed feed is answered with reset and this reason', choice('expired', 'unknown')),
  retry: key('the stream', 'a retry field with this value, whatever it is', count, text),
  flood: key('the stream', 'one line, or one event of lines, without end', choice('line', 'lines')),
  'flood-after': key('the stream', 'after how many events it begins', count),
  'flood-bytes': key('the stream', 'how long it is, instead of endless', bytes),
  heartbeat: key('the stream', 'time between heartbeats, or off', ms, choice('off')),

  newline: key('the bytes', 'line ends', choice('lf', 'crlf', 'cr')),
  bom: key('the bytes', 'byte order marks at the start', count),
  split: key('the bytes', 'writes of n bytes', bytes),
  'split-delay': key('the bytes', 'time between two such writes', ms),
  buffer: key('the bytes', 'holds everything back until n bytes are there, as a proxy does', bytes),
}
