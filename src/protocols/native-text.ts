/** The default protocol for text: start, delta and end events according to PROTOCOL.md, section 3. */
import { StreamError } from '../base/errors.ts'
import type { Protocol, Step } from './protocol.ts'

/** A part of the generated text. */
export interface TextDelta {
  /** Text to append. */
  readonly content: string
  /** Position of the delta in the run, counted from 0. */
  readonly index: number
}

const RUN_EVENT_TYPES = new Set(['start', 'delta', 'end', 'error'])

/** The data of a `delta` event, unchecked. */
export interface DeltaFields {
  readonly type?: unknown
  readonly content?: unknown
  readonly index?: number
  readonly count?: number
  readonly [field: string]: unknown
}

/** Maps a `delta` event for a loop that reads only text (PROTOCOL.md, 3.1 and 3.6 to 3.8). */
function mapTextDelta(fields: DeltaFields): Step<TextDelta> {
  const { type: kind = 'text', content, index, count } = fields
  if (kind === 'reset') throw new StreamError('expired', 'The server has discarded a part of the text (reset delta)')
  if (kind !== 'text') return { type: 'pass', index, count, data: fields }
  if (typeof content !== 'string') throw new TypeError('content: expected a string')
  return { type: 'delta', delta: fields as TextDelta, index, count, data: fields }
}

/** Returns the native protocol for deltas that `mapDelta` maps. */
export function nativeOf<Delta>(
  mapDelta: (fields: DeltaFields) => Step<Delta>,
): Pick<Protocol<Delta>, 'name' | 'map' | 'resume' | 'cancel' | 'idempotent' | 'timeouts'> {
  return {
    name: 'native',
    resume: { url: (address) => address, replays: 'after' },
    cancel: (url) => ({ method: 'DELETE', url }),
    idempotent: true,
    // Its servers announce a heartbeat.
    timeouts: { connectTimeout: 60_000, idleTimeout: undefined },
    map({ type, data }) {
      const fields: unknown = JSON.parse(data)
      if (!RUN_EVENT_TYPES.has(type)) return { type: 'pass', data: fields }
      if (typeof fields !== 'object' || !fields || Array.isArray(fields)) throw new TypeError('Expected an object')
      return type === 'delta' ? mapDelta(fields as DeltaFields) : ({ ...fields, type, data: fields } as Step<Delta>)
    },
  }
}

/** Returns the native protocol for text: its loop and `run.text` have the text, other deltas are only for listeners. */
export function nativeText(): Protocol<TextDelta> {
  return { ...nativeOf(mapTextDelta), text: ({ content }) => content }
}
