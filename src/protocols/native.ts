/** The default protocol: start, delta and end events according to PROTOCOL.md, section 3. */
import type { Delta, Message } from '../message/message.ts'
import type { MessageOptions } from '../message/reduce.ts'
import { type DeltaFields, type TextDelta, nativeOf, nativeText } from './native-text.ts'
import type { Protocol, Step } from './protocol.ts'
import { richProtocol } from './rich.ts'

/** Options of `native`. */
export interface NativeOptions extends MessageOptions {
  /**
   * Whether the loop has the deltas of all types, and `run.message` the message that they make.
   *
   * @defaultValue false
   * @example
   * ```ts
   * const run = client.stream('/api/generate', { protocol: native({ blocks: true }), json: { prompt: 'Hello' } })
   * for await (const delta of run) console.log(delta.type, run.message?.blocks)
   * ```
   */
  blocks?: boolean | undefined
}

/** Types of deltas, each with the field that must be a string. */
const DELTA_TYPES: Readonly<Record<string, string | undefined>> = {
  text: 'content',
  reasoning: 'content',
  refusal: 'content',
  'tool-call': 'args',
  'tool-result': 'id',
  source: undefined,
  data: 'name',
}

const isPosition = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 0

/** Maps a `delta` event to a delta of a message. A delta of a type of the future is only for listeners. */
function mapDelta(fields: DeltaFields): Step<Delta> {
  const { type = 'text', index, count, block = 0, from } = fields
  if (type === 'reset') {
    if (!isPosition(from)) throw new TypeError('from: expected a number of at least 0')
  } else if (typeof type !== 'string' || !Object.hasOwn(DELTA_TYPES, type))
    return { type: 'pass', index, count, data: fields }
  else {
    const name = DELTA_TYPES[type]
    if (name && typeof fields[name] !== 'string') throw new TypeError(`${name}: expected a string`)
    if (!isPosition(block)) throw new TypeError('block: expected a number of at least 0')
  }
  return { type: 'delta', delta: { ...fields, type, block } as Delta, index, count, data: fields }
}

/**
 * Returns the default protocol (PROTOCOL.md, section 3). Its runs can be resumed and cancelled, and are never started
 * twice. Its loop and `run.text` have the text; deltas of other types are passed to `run.on('delta')`. With `blocks`, the
 * loop has the deltas of all types, and `run.message` the message.
 *
 * @example
 * ```ts
 * const run = client.stream('/api/generate', { protocol: native(), json: { prompt: 'Hello' } })
 * for await (const { content } of run) console.log(content)
 * ```
 */
export function native(options?: NativeOptions & { blocks?: false | undefined }): Protocol<TextDelta>
export function native(options: NativeOptions & { blocks: true }): Protocol<Delta, void, Message>
export function native(options: NativeOptions = {}): Protocol<TextDelta> | Protocol<Delta, void, Message> {
  if (!options.blocks) return nativeText()
  const { text, reduce } = richProtocol(options)
  return { ...nativeOf(mapDelta), text, reduce }
}
