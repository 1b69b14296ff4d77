/** One row of the inspector: what the records of a stream say about it so far. */
import type { Diagnostic } from '../diagnostics/diagnostic.ts'

/** What a stream is doing: `paused` is open, but not read, because its loop is slow. */
export type RowStatus = 'idle' | 'connecting' | 'open' | 'paused' | 'waiting' | 'closed' | 'failed'

/** One entry of a stream's timeline: its `time` in milliseconds, and what happened. */
export interface TimelineEntry {
  readonly time: number
  /** `events`: `count` events of one read; `heartbeat`: comments alone; other kinds are those of the records. */
  readonly kind:
    | 'attempt'
    | 'response'
    | 'opened'
    | 'events'
    | 'heartbeat'
    | 'duplicate'
    | 'reset'
    | 'error'
    | 'paused'
    | 'resumed'
    | 'retry'
    | 'cursor'
    | 'cancel'
    | 'closed'
  /** Number of events, for `events` and `duplicate`; otherwise 1. */
  readonly count: number
  /** What happened, in a few words; empty for what `count` says. */
  readonly text: string
}

/** The data of an event, kept only with the option `payloads`. */
export interface Payload {
  readonly time: number
  readonly event: string
  readonly id?: string | undefined
  readonly data: string
}

/** What is known about one stream. Times are in milliseconds, as in `Diagnostic`. */
export interface StreamRow {
  readonly stream: number
  readonly name: string
  /** The option `label` of the stream. */
  label?: string | undefined
  kind: 'feed' | 'run'
  /** How the stream began: at the start, from a cursor of the application, or from a stored cursor. */
  origin: 'fresh' | 'resumed' | 'restored'
  status: RowStatus
  /** Why the stream is waiting, or has ended. */
  reason: string
  /** What carries its last connection. */
  via?: 'own' | 'channel' | 'tab'
  /** Number of records so far. */
  records: number
  /** Time of the first record. */
  readonly madeAt: number
  /** Time of the last record. */
  updatedAt: number
  /** Milliseconds from the first record to the first event. */
  firstEventAfter?: number
  /** Time of the last attempt. */
  attemptedAt?: number
  /** Since when the stream has had no connection; absent before the first one, and while there is one. */
  lostAt?: number | undefined
  /** Longest time that headers and credentials took, from the attempt to its request, in milliseconds. */
  preparedIn: number
  attempts: number
  retries: number
  /** Longest time without a connection after the first one, in milliseconds. */
  longestGap: number
  events: number
  duplicates: number
  heartbeats: number
  bytes: number
  resets: number
  errors: number
  /** ID of the last event that had one. */
  lastEventId: string
  /** What the cursor's store was last asked to do. */
  cursor?: 'restored' | 'saved' | 'cleared'
  usage?: unknown
  /** The newest entries. */
  readonly timeline: readonly TimelineEntry[]
  /** Number of entries that were dropped. */
  droppedEntries: number
  /** The newest payloads. */
  readonly payloads: readonly Payload[]
}

/** How much of a stream is kept. */
export interface RowLimits {
  readonly maxEntries: number
  readonly maxPayloads: number
  readonly maxPayloadLength: number
}

/** Appends `item`, and drops the oldest ones. Returns how many were dropped. */
function appendBounded<Item>(items: readonly Item[], item: Item, limit: number): number {
  const list = items as Item[]
  list.push(item)
  const excess = Math.max(0, list.length - limit)
  list.splice(0, excess)
  return excess
}

/** Creates the row of a stream from the first record of it. */
export function createRow({ stream, name, time }: Diagnostic): StreamRow {
  return {
    stream,
    name,
    kind: 'feed',
    origin: 'fresh',
    status: 'idle',
    reason: '',
    records: 0,
    madeAt: time,
    updatedAt: time,
    preparedIn: 0,
    attempts: 0,
    retries: 0,
    longestGap: 0,
    events: 0,
    duplicates: 0,
    heartbeats: 0,
    bytes: 0,
    resets: 0,
    errors: 0,
    lastEventId: '',
    timeline: [],
    droppedEntries: 0,
    payloads: [],
  }
}

/** Returns an error as its code and status. */
const errorText = ({ code, status }: { code?: string | undefined; status?: number | undefined }): string =>
  [code, status].filter((part) => part !== undefined).join(' ')

/** Entries of events that follow one another within this time become one, in milliseconds. */
const MERGE_WITHIN_MS = 100

/** Changes `row` as the record says. */
export function updateRow(row: StreamRow, record: Diagnostic, limits: RowLimits): void {
  const { time } = record
  const add = (kind: TimelineEntry['kind'], text = '', count = 1): void => {
    const last = row.timeline.at(-1)
    const isMerged = !text && last?.kind === kind && time - last.time < MERGE_WITHIN_MS
    const entry = isMerged ? { ...last, count: last.count + count } : { time, kind, count, text }
    if (isMerged) (row.timeline as TimelineEntry[]).pop()
    row.droppedEntries += appendBounded(row.timeline, entry, limits.maxEntries)
  }
  row.updatedAt = time
  row.records++
  switch (record.type) {
    case 'made':
      row.kind = record.kind
      row.label = record.label
      row.origin = record.resumes ? 'resumed' : 'fresh'
      break
    case 'attempt':
      row.attempts++
      row.attemptedAt = time
      row.status = 'connecting'
      add('attempt', record.reason === 'rejected' ? 'new credentials' : `attempt ${record.attempt}`)
      break
    case 'request':
      row.preparedIn = Math.max(row.preparedIn, time - (row.attemptedAt ?? time))
      break
    case 'response':
      row.via = record.via
      add('response', record.via === 'own' ? `${record.status}` : `${record.status} over a ${record.via}`)
      break
    case 'opened':
      row.longestGap = Math.max(row.longestGap, time - (row.lostAt ?? time))
      row.lostAt = undefined
      row.status = 'open'
      row.reason = ''
      add('opened', record.reconnected ? 'connected again' : 'connected')
      break
    case 'read':
      row.bytes += record.bytes
      row.events += record.events
      if (record.events) add('events', '', record.events)
      else if (record.comments) {
        row.heartbeats++
        add('heartbeat')
      }
      break
    case 'event':
      row.firstEventAfter ??= time - row.madeAt
      if (record.id !== undefined) row.lastEventId = record.id
      if (record.data !== undefined) {
        const { event, id } = record
        const data = record.data.slice(0, limits.maxPayloadLength)
        appendBounded(row.payloads, { time, event, id, data }, limits.maxPayloads)
      }
      break
    case 'duplicate':
      row.duplicates++
      add('duplicate')
      break
    case 'reset':
      row.resets++
      add('reset', `reset: ${record.reason}`)
      break
    case 'error':
      row.errors++
      add('error', errorText(record))
      break
    case 'backpressure':
      if (row.status === 'open' || row.status === 'paused') row.status = record.isPaused ? 'paused' : 'open'
      add(record.isPaused ? 'paused' : 'resumed', record.isPaused ? 'queue is full' : 'reading again')
      break
    case 'cursor':
      row.cursor = record.action
      if (record.action === 'restored') row.origin = 'restored'
      // A feed saves its cursor after every read.
      if (record.action !== 'saved') add('cursor', `cursor ${record.action}`)
      break
    case 'cancel':
      add('cancel', `cancel: ${record.status}`)
      break
    case 'retry':
      row.retries++
      if (row.status === 'open' || row.status === 'paused') row.lostAt = time
      row.status = 'waiting'
      row.reason = errorText(record)
      add('retry', `${row.reason}, retry in ${record.delay} ms`)
      break
    case 'closed':
      row.status = record.reason === 'error' ? 'failed' : 'closed'
      row.reason = errorText(record) || (record.finishReason ?? record.reason)
      row.usage = record.usage
      add('closed', row.reason)
      break
  }
}
