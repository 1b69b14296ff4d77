/** The fault vocabulary: every key a rule may have, with the values it accepts and its meaning. */

/** An event that a run sends between two deltas. */
export interface ExtraEvent {
  /** Number of deltas before the event. */
  readonly after: number
  /** Event name, for example `tool_call`. */
  readonly type: string
  /** Payload, sent as JSON. */
  readonly data: unknown
}

/**
 * A fault, and the requests that it applies to. Events are counted per connection, including `connected` and `start`
 * but not comments or id-only blocks. Durations are in milliseconds.
 */
export interface Rule {
  /** Matches only this path; a trailing `*` matches any suffix. */
  readonly path?: string
  /** Matches only this method. */
  readonly method?: string
  /** Matches only requests without (`first`) or with (`resumed`) a `Last-Event-ID`. */
  readonly connection?: 'first' | 'resumed'
  /** Ignores the first n matching requests. */
  readonly skip?: number
  /** Applies to at most n matching requests. */
  readonly times?: number
  /** Same as `times: 1`. */
  readonly once?: boolean

  /** Accepts the request but never responds. */
  readonly hang?: boolean
  /** Resets the connection without processing the request. */
  readonly refuse?: boolean
  /** Processes the request, then resets the connection instead of responding. */
  readonly 'lose-answer'?: boolean
  /** Delays the response headers by this many milliseconds. */
  readonly 'head-delay'?: number
  /** Responds with this status. */
  readonly status?: number
  /** `Retry-After` header of the `status` response: seconds or a date. */
  readonly 'retry-after'?: number | string
  /** `Location` header of the `status` response. */
  readonly location?: string
  /** Overrides the `Content-Type` header. */
  readonly 'content-type'?: string
  /** Never ends the body of the `status` response. */
  readonly 'endless-body'?: boolean
  /** Forces this `Content-Encoding`, regardless of `Accept-Encoding`. */
  readonly encoding?: 'gzip' | 'br' | 'identity'

  /** Delay between deltas, in milliseconds. */
  readonly delay?: number
  /** Sends a token per delta instead of a character. */
  readonly tokens?: boolean
  /** Extra events between deltas. */
  readonly events?: readonly ExtraEvent[]
  /** Ends the run with an `error` event after n deltas. */
  readonly 'error-after'?: number
  /** `code` of the `error` event. */
  readonly 'error-code'?: string
  /** `retryable` of the `error` event. */
  readonly 'error-retryable'?: boolean
  /** `finishReason` of the `end` event. */
  readonly 'finish-reason'?: 'stop' | 'length'

  /** Resets the TCP connection after n events. */
  readonly 'reset-after'?: number
  /** Closes the TCP connection (FIN) after n events, without sending the last chunk. */
  readonly 'truncate-after'?: number
  /** Ends the response cleanly after n events. */
  readonly 'end-after'?: number
  /** Sends nothing after n events, not even heartbeats; the socket stays open. */
  readonly 'stall-after'?: number
  /** Sends only heartbeats after n events. */
  readonly 'quiet-after'?: number
  /**
   * Where `reset-after` and `truncate-after` cut: in the middle of the next event (the default), between events, within
   * a UTF-8 character, or before the last byte of an event.
   */
  readonly 'cut-at'?: 'middle' | 'boundary' | 'character' | 'last-byte'
  /** Declares a `Content-Length` that the body does not reach. */
  readonly 'short-length'?: boolean
  /** Sends the nth event twice. */
  readonly duplicate?: number
  /** Sends the nth event after the next one. */
  readonly reorder?: number
  /** Omits the delta with this index. */
  readonly 'drop-index'?: number
  /** Makes the data of the nth event invalid JSON. */
  readonly 'invalid-data'?: number
  /** Sends this raw text once. */
  readonly insert?: string
  /** Number of events before the inserted text. @defaultValue 0 */
  readonly 'insert-after'?: number
  /** Omits the id of every event. */
  readonly 'no-ids'?: boolean
  /** Prepends this text to every id. */
  readonly 'id-prefix'?: string
  /** Starts a resumed stream n events too early. */
  readonly overlap?: number
  /** Sends a `reset` event with this reason when a feed is resumed. */
  readonly gap?: 'expired' | 'unknown'
  /** Sends a `retry` field with this value, valid or not. */
  readonly retry?: number | string
  /** Sends one endless line, or one event of endless data lines. */
  readonly flood?: 'line' | 'lines'
  /** Number of events before the flood. @defaultValue 0 */
  readonly 'flood-after'?: number
  /** Limits the flood to this many bytes. */
  readonly 'flood-bytes'?: number
  /** Line ending. */
  readonly newline?: 'lf' | 'crlf' | 'cr'
  /** Number of byte order marks at the start. */
  readonly bom?: number
  /** Heartbeat interval in milliseconds, or `off`. */
  readonly heartbeat?: number | 'off'
  /** Splits the output into writes of n bytes. */
  readonly split?: number
  /** Delay between the writes of `split`, in milliseconds. */
  readonly 'split-delay'?: number
  /** Holds back output until n bytes have accumulated, like a buffering proxy. */
  readonly buffer?: number
}

/** The type of value that a key accepts. */
export type ValueKind =
  | { readonly kind: 'flag' }
  | { readonly kind: 'count'; readonly min: number; readonly max?: number; readonly unit?: string }
  | { readonly kind: 'text' }
  | { readonly kind: 'choice'; readonly choices: readonly string[] }
  | { readonly kind: 'events' }

/** A key: the types of values it accepts, the group it is listed in, and what it does. */
export interface RuleKey {
  readonly accepts: readonly ValueKind[]
  readonly group: 'requests' | 'response' | 'generation' | 'stream' | 'bytes'
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

/** All keys, in the order in which `--help` lists them. */
export const ruleKeys: { readonly [Name in keyof Rule]-?: RuleKey } = {
  path: defineKey('requests', 'matches only this path; a trailing * matches any suffix', text),
  method: defineKey('requests', 'matches only this method', text),
  connection: defineKey(
    'requests',
    'matches only requests without (first) or with (resumed) a Last-Event-ID',
    choice('first', 'resumed'),
  ),
  skip: defineKey('requests', 'ignores the first n matching requests', count),
  times: defineKey('requests', 'applies to at most n matching requests', positiveCount),
  once: defineKey('requests', 'same as times:1', flag),

  hang: defineKey('response', 'accepts the request but never responds', flag),
  refuse: defineKey('response', 'resets the connection without processing the request', flag),
  'lose-answer': defineKey('response', 'processes the request, then resets the connection instead of responding', flag),
  'head-delay': defineKey('response', 'delays the response headers', ms),
  status: defineKey('response', 'responds with this status', { kind: 'count', min: 200, max: 599 }),
  'retry-after': defineKey('response', 'Retry-After header of the status response: seconds or a date', count, text),
  location: defineKey('response', 'Location header of the status response', text),
  'content-type': defineKey('response', 'overrides the Content-Type header', text),
  'endless-body': defineKey('response', 'never ends the body of the status response', flag),
  encoding: defineKey(
    'response',
    'forces this Content-Encoding, regardless of Accept-Encoding',
    choice('gzip', 'br', 'identity'),
  ),

  delay: defineKey('generation', 'delay between deltas', ms),
  tokens: defineKey('generation', 'sends a token per delta instead of a character', flag),
  events: defineKey('generation', 'extra events between deltas: [{ after, type, data }]', { kind: 'events' }),
  'error-after': defineKey('generation', 'ends the run with an error event after n deltas', count),
  'error-code': defineKey('generation', 'code of the error event', text),
  'error-retryable': defineKey('generation', 'retryable of the error event', flag),
  'finish-reason': defineKey('generation', 'finishReason of the end event', choice('stop', 'length')),

  'reset-after': defineKey('stream', 'resets the TCP connection after n events', count),
  'truncate-after': defineKey(
    'stream',
    'closes the TCP connection (FIN) after n events, without sending the last chunk',
    count,
  ),
  'end-after': defineKey('stream', 'ends the response cleanly after n events', count),
  'stall-after': defineKey('stream', 'sends nothing after n events, not even heartbeats; the socket stays open', count),
  'quiet-after': defineKey('stream', 'sends only heartbeats after n events', count),
  'cut-at': defineKey(
    'stream',
    'where to cut: in the middle of the next event (default), between events, within a UTF-8 character, or before ' +
      'the last byte of an event',
    choice('middle', 'boundary', 'character', 'last-byte'),
  ),
  'short-length': defineKey('stream', 'declares a Content-Length that the body does not reach', flag),
  duplicate: defineKey('stream', 'sends the nth event twice', positiveCount),
  reorder: defineKey('stream', 'sends the nth event after the next one', positiveCount),
  'drop-index': defineKey('stream', 'omits the delta with this index', count),
  'invalid-data': defineKey('stream', 'makes the data of the nth event invalid JSON', positiveCount),
  insert: defineKey('stream', 'sends this raw text once', text),
  'insert-after': defineKey('stream', 'number of events before the inserted text (default: 0)', count),
  'no-ids': defineKey('stream', 'omits the id of every event', flag),
  'id-prefix': defineKey('stream', 'prepends this text to every id', text),
  overlap: defineKey('stream', 'starts a resumed stream n events too early', count),
  gap: defineKey('stream', 'sends a reset event with this reason when a feed is resumed', choice('expired', 'unknown')),
  retry: defineKey('stream', 'sends a retry field with this value, valid or not', count, text),
  flood: defineKey('stream', 'sends one endless line, or one event of endless data lines', choice('line', 'lines')),
  'flood-after': defineKey('stream', 'number of events before the flood (default: 0)', count),
  'flood-bytes': defineKey('stream', 'limits the size of the flood', bytes),
  heartbeat: defineKey('stream', 'heartbeat interval, or off', ms, choice('off')),

  newline: defineKey('bytes', 'line ending', choice('lf', 'crlf', 'cr')),
  bom: defineKey('bytes', 'number of byte order marks at the start', count),
  split: defineKey('bytes', 'splits the output into writes of n bytes', bytes),
  'split-delay': defineKey('bytes', 'delay between the writes of split', ms),
  buffer: defineKey('bytes', 'holds back output until n bytes have accumulated, like a buffering proxy', bytes),
}
