/** The default protocol: start, delta and end events according to PROTOCOL.md, section 3. */
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
interface DeltaFields {
  readonly type?: unknown
  readonly content?: unknown
  readonly index?: number
  readonly count?: number
}

/** Maps a `delta` event (PROTOCOL.md, 3.1 and 3.6 to 3.8). */
function mapDelta(fields: DeltaFields): Step<TextDelta> {
  const { type: kind = 'text', content, index, count } = fields
  if (kind === 'reset') throw new StreamError('expired', 'The server has discarded a part of the text (reset delta)')
  if (kind !== 'text') return { type: 'pass', index, count }
  if (typeof content !== 'string') throw new TypeError('content: expected a string')
  return { type: 'delta', delta: fields as TextDelta, index, count }
}

/**
 * Returns the default protocol (PROTOCOL.md, section 3). Its runs can be resumed and cancelled, and are never started
 * twice. Its loop and `run.text` have the text; deltas of other types are passed to `run.on('delta')`.
 *
 * @example
 * ```ts
 * const run = client.stream('/api/generate', { protocol: native(), json: { prompt: 'Hello' } })
 * for await (const { content } of run) console.log(content)
 * ```
 */
export function native(): Protocol<TextDelta> {
  return {
    name: 'native',
    resumable: true,
    map({ type, data }) {
      if (!RUN_EVENT_TYPES.has(type)) return undefined
      const fields: unknown = JSON.parse(data)
      if (typeof fields !== 'object' || !fields || Array.isArray(fields)) throw new TypeError('Expected an object')
      return type === 'delta' ? mapDelta(fields) : ({ ...fields, type } as Step<TextDelta>)
    },
    text: ({ content }) => content,
  }
}
