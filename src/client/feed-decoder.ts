/** Decodes the events of a feed: keeps its last event ID, drops what a new connection repeats, and parses the data. */
import type { StreamError } from '../base/errors.ts'
import type { StreamEvent } from '../base/events.ts'
import { callSafely } from '../base/report-error.ts'
import { isNativeConnected } from '../base/native-connected.ts'
import type { Batch } from '../connect/connect.ts'
import { isSendableId } from '../connect/last-event-id.ts'
import type { StreamReset } from '../request/options.ts'
import type { ResolvedOptions } from '../request/resolve-options.ts'
import type { ParseOption, SubscribeOptions } from '../request/stream-options.ts'
import { type DedupeWindow, createDedupeWindow } from '../source/dedupe.ts'
import { type Duplicates, type IdentifiedEvent, createDuplicates } from '../source/duplicates.ts'
import { type Disposition, nextLastEventId } from '../source/last-event-id.ts'
import type { Observer } from '../source/record.ts'
import type { Block } from '../sse/parse.ts'
import type { Decoded } from './kind.ts'
import { invalidDataError } from './validate.ts'

/** The options of a feed that concern its events. */
export type FeedDecoderOptions = Pick<SubscribeOptions, 'parse' | 'dedupeWindow'> &
  Pick<ResolvedOptions, 'onReset' | 'lastEventId'>

export interface FeedDecoderHooks {
  /** Names the request in messages. */
  readonly label: string
  /** Called when an event has data that cannot be parsed; the event is not delivered. */
  onInvalid(error: StreamError): void
  /** Called with the heartbeat interval that the server announces, in milliseconds; 0 if it announces none. */
  onHeartbeat(ms: number): void
  /** Receives the records of what the decoder does. */
  readonly observe: Observer | undefined
}

export interface FeedDecoder {
  /** Last event ID received. */
  readonly lastEventId: string
  /** Continues from an ID that an earlier page received. */
  restore(lastEventId: string): void
  decode(batch: Batch): Decoded
}

/** The fields of `connected` and `reset` events (PROTOCOL.md, 2.2 and 2.3). */
interface ControlFields {
  readonly heartbeat?: unknown
  readonly reason?: unknown
}

function parseFields(data: string): ControlFields {
  try {
    return Object(JSON.parse(data)) as ControlFields
  } catch {
    return {}
  }
}

/** Creates a decoder that continues after `initialId`. */
export function createFeedDecoder(
  options: FeedDecoderOptions,
  hooks: FeedDecoderHooks,
  initialId: string | undefined,
): FeedDecoder {
  const { parse = 'json', dedupeWindow = 1_024 } = options
  let lastEventId = initialId ?? ''
  // What connections of one kind may repeat; most feeds need only one of these.
  let knownIds: DedupeWindow | undefined
  let duplicates: Duplicates | undefined
  let hasConflict = false
  /** The connection that the events come from. `isNative` is `undefined` until its first event decides. */
  let connection: { isNative: boolean | undefined; handshakeId?: string | undefined } | undefined

  const reset = (reason: StreamReset['reason']): void => {
    hooks.observe?.({ type: 'reset', reason })
    callSafely(options.onReset, { reason })
  }
  const begin = (isNative: boolean | undefined): void => {
    const isFirst = !connection
    connection = { isNative }
    knownIds?.beginConnection()
    duplicates?.beginConnection()
    if (isFirst) return
    // Events that the server sent between the two connections are lost, because they cannot be requested.
    if (!lastEventId) reset('no-id')
    else if (options.lastEventId === 'header' && !isSendableId(lastEventId)) reset('unsendable-id')
    if (hasConflict) reset('ids-not-unique')
  }
  const classifyNative = (type: string, data: string, ownId: string | undefined): Disposition | undefined => {
    if (!knownIds) {
      knownIds = createDedupeWindow(dedupeWindow, lastEventId)
      knownIds.beginConnection()
    }
    if (type === 'connected') {
      const { heartbeat } = parseFields(data)
      hooks.onHeartbeat(typeof heartbeat === 'number' && heartbeat > 0 ? heartbeat : 0)
      connection!.handshakeId = ownId
      knownIds.beginConnection()
      return 'handshake'
    }
    if (type === 'reset') {
      const { reason } = parseFields(data)
      knownIds.clear()
      reset(typeof reason === 'string' ? reason : 'unknown')
      return 'reset'
    }
    if (!ownId) return undefined
    if (knownIds.isDuplicate(ownId)) return 'duplicate'
    knownIds.remember(ownId)
    return undefined
  }
  const classifyForeign = (block: Block): Disposition | undefined => {
    // This block has an ID and data, and is not changed later.
    duplicates ??= createDuplicates(dedupeWindow)
    const verdict = block.id ? duplicates.classify(block as IdentifiedEvent) : 'new'
    if (verdict === 'conflict') {
      hasConflict = true
      reset('ids-not-unique')
    }
    return verdict === 'duplicate' ? verdict : undefined
  }

  return {
    get lastEventId() {
      return lastEventId
    },
    restore(id) {
      lastEventId = id
    },
    decode({ blocks, begins, native }) {
      const events: StreamEvent[] = []
      let hasProgressed = false
      if (begins || !connection) begin(native)
      for (const block of blocks) {
        const { type, data, id: ownId } = block
        let disposition: Disposition | undefined
        if (data !== undefined) {
          const isNative = (connection!.isNative ??= native ?? isNativeConnected(block))
          disposition = isNative ? classifyNative(type, data, ownId) : classifyForeign(block)
        }
        const id = nextLastEventId(lastEventId, ownId, disposition, connection!.handshakeId)
        hasProgressed ||= !disposition && id !== lastEventId
        lastEventId = id
        if (disposition === 'duplicate') hooks.observe?.({ type: 'duplicate', id: ownId! })
        else if (data !== undefined) {
          try {
            events.push({ type, data: parseData(parse, data, type, id), id })
          } catch (cause) {
            hooks.onInvalid(invalidDataError({ type, id }, hooks.label, cause))
          }
        }
      }
      return { items: events, hasProgressed }
    },
  }
}

function parseData(parse: ParseOption, data: string, type: string, id: string): unknown {
  if (parse === 'json') return JSON.parse(data)
  return parse === 'text' ? data : parse(data, { type, id })
}
