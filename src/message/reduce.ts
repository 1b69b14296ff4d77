/** Builds a message from the deltas of an answer. */
import { type Loose, mergeDefined } from '../base/merge-defined.ts'
import type { Block, Delta, Message, ToolCall } from './message.ts'

/** Parses the arguments of a tool call piece by piece; `partialJson()` is one. */
export interface ArgumentsParser {
  /** Parses the next piece, and returns the value so far. */
  push(text: string): unknown
  /** Creates a parser of another text. */
  create(): ArgumentsParser
}

/** Options that every protocol with blocks takes. */
export interface MessageOptions {
  /**
   * Parser with which `input` of a tool call has the arguments as far as they have arrived.
   *
   * @defaultValue none: `input` has the arguments once they are whole
   * @example
   * ```ts
   * import { partialJson } from 'rivulet/partial-json'
   * const protocol = native({ blocks: true, partialJson: partialJson() })
   * ```
   */
  partialJson?: ArgumentsParser | undefined
}

type BlockDelta = Exclude<Delta, { type: 'tool-result' | 'reset' }>
type Reducer = (message: Message | undefined, delta: Delta, start?: Omit<Message, 'blocks'>) => Message

/** Adds the arguments as a value, which are parsed when they are read: what is not whole yet is not JSON. */
function withWholeInput(call: ToolCall): ToolCall {
  let input: unknown
  let isParsed = false
  return Object.defineProperty(call, 'input', {
    enumerable: true,
    get() {
      try {
        if (!isParsed) input = JSON.parse(call.args)
      } catch {
        // The arguments are incomplete, or no JSON.
      }
      isParsed = true
      return input
    },
  })
}

/** Returns the function that makes the message after a delta. It changes neither the message nor its blocks. */
export function createReducer({ partialJson }: MessageOptions = {}): Reducer {
  /** The parsers of the newest calls: each has read the arguments of its call. */
  const parsers = new WeakMap<Block, ArgumentsParser>()

  /** Adds the arguments as far as they have arrived to `call`, which continues `earlier` with `added`. */
  const withPartialInput = (call: ToolCall, earlier: ToolCall | undefined, added: string): ToolCall => {
    const known = earlier && parsers.get(earlier)
    const parser = known ?? partialJson!.create()
    // A parser cannot serve two calls that continue the same one.
    if (earlier) parsers.delete(earlier)
    try {
      const result = { ...call, input: parser.push(known ? added : call.args) }
      parsers.set(result, parser)
      return result
    } catch {
      // A model may write what is not JSON: the value stays as it was.
      return { ...call, input: earlier?.input }
    }
  }
  /** Returns `earlier` with the arguments `added`, and with the fields that are defined. */
  const extendCall = (earlier: ToolCall | undefined, fields: Partial<Loose<ToolCall>>, added = ''): ToolCall => {
    // Not the whole call: reading its input would parse it.
    const { id = '', name = '', args = '', server = false, output, error, raw } = earlier ?? {}
    const call = mergeDefined<Partial<ToolCall>>(
      { type: 'tool-call', id, name, args: args + added, server, output, error, raw },
      // Servers that repeat a call may leave its name empty.
      { ...fields, id: fields.id || undefined, name: fields.name || undefined },
    ) as ToolCall
    return partialJson ? withPartialInput(call, earlier, added) : withWholeInput(call)
  }
  /** Returns the block after a delta that belongs to it. */
  const extendBlock = (earlier: Block | undefined, delta: BlockDelta): Block => {
    if (delta.type === 'tool-call') {
      const { id, name, args, server, raw } = delta
      return extendCall(earlier?.type === 'tool-call' ? earlier : undefined, { id, name, server, raw }, args)
    }
    if (!('content' in delta)) {
      const { block: _, ...block } = delta
      return block
    }
    const { type } = delta
    const known = earlier?.type === type ? earlier : undefined
    const content = known ? known.content + delta.content : delta.content
    const raw = delta.raw ?? known?.raw
    return raw === undefined ? { type, content } : { type, content, raw }
  }

  return (message, delta, start) => {
    const blocks = message?.blocks ?? []
    const next = blocks.slice(0, delta.type === 'reset' ? delta.from : undefined)
    if (delta.type === 'tool-result') {
      const { id, output, error } = delta
      const at = blocks.findIndex((block) => block.type === 'tool-call' && block.id === id)
      if (at >= 0) next[at] = extendCall(blocks[at] as ToolCall, { output, error })
    } else if (delta.type !== 'reset') next[delta.block] = extendBlock(blocks[delta.block], delta)
    // A message without blocks may be that of another answer.
    return blocks.length && next.length ? { ...message, blocks: next } : { ...message, ...start, blocks: next }
  }
}
