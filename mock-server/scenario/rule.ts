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
export type ValueKind =
  | { readonly kind: 'flag' }
  | { readonly kind: 'count'; readonly min: number; readonly max?: number; readonly unit?: string }
  | { readonly kind: 'text' }
  | { readonly kind: 'choice'; readonly choices: readonly string[] }
  | { readonly kind: 'events' }

/** One key: the values it takes (any of `accepts`), the group it is listed in, and what it does. */
export interface RuleKey {
  readonly accepts: readonly ValueKind[]
  readonly group: 'which requests' | 'the response' | 'the generation' | 'the stream' | 'the bytes'
  readonly description: string
}

const flag: ValueKind = { kind: 'flag' }
const text: ValueKind = { kind: 'text' }
const count: ValueKind = { kind: 'count', min: 0 }
const positiveCount: ValueKind = { kind: 'count', min: 1 }
const ms: ValueKind = { kind: 'count', min: 0, unit: 'ms' }
const bytes: ValueKind = { kind: 'count', min: 1, unit: 'bytes' }
const choice = (...choices: string[]): ValueKind => ({ kind: 'choice', choices })
const defineKey = (group: RuleKey['group'], description: string, ...accepts: ValueKind[]): RuleKey => ({
  accepts,
  group,
  description,
})

/** Every key, in the order in which `--help` lists them. */
export const ruleKeys: { readonly [Name in keyof Rule]-?: RuleKey } = {
  path: defineKey('which requests', 'only this path; a * at its end stands for anything', text),
  method: defineKey('which requests', 'only this method', text),
  connection: defineKey(
    'which requests',
    'only without (first) or with (resumed) a Last-Event-ID',
    choice('first', 'resumed'),
  ),
  skip: defineKey('which requests', 'lets the first n matching requests pass', count),
  times: defineKey('which requests', 'stops after n requests', positiveCount),
  once: defineKey('which requests', 'the same as times:1', flag),

  hang: defineKey('the response', 'accepts the request and never answers', flag),
  refuse: defineKey('the response', 'resets the connection before anything was done', flag),
  'lose-answer': defineKey('the response', 'does what was asked, then resets the connection before the head', flag),
  'head-delay': defineKey('the response', 'waits before it answers', ms),
  status: defineKey('the response', 'answers with this status', { kind: 'count', min: 200, max: 599 }),
  'retry-after': defineKey('the response', 'Retry-After of that answer: seconds, or a date', count, text),
  location: defineKey('the response', 'Location of that answer', text),
  'content-type': defineKey('the response', 'Content-Type instead of the right one', text),
  'endless-body': defineKey('the response', 'the body of a refusal never ends', flag),
  encoding: defineKey('the response', 'Content-Encoding, whatever was accepted', choice('gzip', 'br', 'identity')),

  delay: defineKey('the generation', 'time between two deltas', ms),
  tokens: defineKey('the generation', 'a delta is a token, not a character', flag),
  events: defineKey('the generation', 'other events between deltas: [{ after, type, data }]', { kind: 'events' }),
  'error-after': defineKey('the generation', 'ends in an error event after n deltas', count),
  'error-code': defineKey('the generation', 'its code', text),
  'error-retryable': defineKey('the generation', 'its retryable', flag),
  'finish-reason': defineKey('the generation', 'how the run ends', choice('stop', 'length')),

  'reset-after': defineKey('the stream', 'TCP reset after n events', count),
  'truncate-after': defineKey('the stream', 'FIN without the last chunk after n events', count),
  'end-after': defineKey('the stream', 'a clean end of the response after n events', count),
  'stall-after': defineKey('the stream', 'silence after n events, heartbeats too; the socket stays open', count),
  'quiet-after': defineKey('the stream', 'only heartbeats after n events', count),
  'cut-at': defineKey(
    'the stream',
    'where it falls: inside the next event (the default), between events, inside a UTF-8 character, before the last byte',
    choice('middle', 'boundary', 'character', 'last-byte'),
  ),
  'short-length': defineKey('the stream', 'announces a Content-Length that is not reached', flag),
  duplicate: defineKey('the stream', 'sends the n-th event twice', positiveCount),
  reorder: defineKey('the stream', 'sends the n-th event after the next one', positiveCount),
  'drop-index': defineKey('the stream', 'leaves out the delta with this index', count),
  'invalid-data': defineKey('the stream', 'the data of the n-th event is not JSON', positiveCount),
  insert: defineKey('the stream', 'sends this text, as it is, once', text),
  'insert-after': defineKey('the stream', 'after how many events it is sent', count),
  'no-ids': defineKey('the stream', 'no event has an id', flag),
  'id-prefix': defineKey('the stream', 'every id begins with this', text),
  overlap: defineKey('the stream', 'a resumed stream begins n events too early', count),
  gap: defineKey('the stream', 'a resumed feed is answered with reset and this reason', choice('expired', 'unknown')),
  retry: defineKey('the stream', 'a retry field with this value, whatever it is', count, text),
  flood: defineKey('the stream', 'one line, or one event of lines, without end', choice('line', 'lines')),
  'flood-after': defineKey('the stream', 'after how many events it begins', count),
  'flood-bytes': defineKey('the stream', 'how long it is, instead of endless', bytes),
  heartbeat: defineKey('the stream', 'time between heartbeats, or off', ms, choice('off')),

  newline: defineKey('the bytes', 'line ends', choice('lf', 'crlf', 'cr')),
  bom: defineKey('the bytes', 'byte order marks at the start', count),
  split: defineKey('the bytes', 'writes of n bytes', bytes),
  'split-delay': defineKey('the bytes', 'time between two such writes', ms),
  buffer: defineKey('the bytes', 'holds everything back until n bytes are there, as a proxy does', bytes),
}
