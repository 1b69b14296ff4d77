/** Expected results derived from the reference parser: in order, with a size limit, and as events. */
import type { ParsedEvent } from '../../src/parser.ts'
import type { Block } from '../../src/sse/parse.ts'
import { utf8 } from '../sse/parse-chunks.ts'
import { parseReference } from '../sse/reference.ts'

/** One output of the parser. */
export type ParsedItem = { block: Block } | { comment: string } | { retry: number }

/** The outputs up to the end of the stream, or up to the event that is too large. */
export interface ExpectedResult {
  items: ParsedItem[]
  tooLarge: boolean
  /** The largest number of characters that an event's data and the current line reached together. */
  largestChars: number
}

/** Runs the reference parser on lines. The parser drops a leading byte order mark, so one is added to keep the first line unchanged. */
const readLines = (lines: string[]) => parseReference(utf8(`\uFEFF${lines.join('\n')}\n`))

/**
 * Parses a stream line by line, because the reference parser reports no order among blocks, comments and `retry`, and
 * has no limit. A line is too large if it exceeds the limit together with the data before it; an unfinished line counts
 * up to its last complete character.
 */
export function readExpected(bytes: Uint8Array, maxEventSize = Number.POSITIVE_INFINITY): ExpectedResult {
  const items: ParsedItem[] = []
  const lines = new TextDecoder().decode(bytes, { stream: true }).split(/\r\n|\n|\r/)
  let block: string[] = []
  let dataSize: number | undefined
  let largestChars = 0
  for (const [n, line] of lines.entries()) {
    if (line) largestChars = Math.max(largestChars, (dataSize ?? 0) + line.length)
    if (largestChars > maxEventSize) return { items, tooLarge: true, largestChars }
    if (n === lines.length - 1) break
    block.push(line)
    if (line) {
      const { comments, retries, blocks } = readLines([line, ''])
      items.push(...comments.map((comment) => ({ comment })), ...retries.map((retry) => ({ retry })))
      const data = blocks[0]?.data
      if (data !== undefined) dataSize = data.length + (dataSize === undefined ? 0 : dataSize + 1)
    } else {
      items.push(...readLines(block).blocks.map((parsed) => ({ block: parsed })))
      block = []
      dataSize = undefined
    }
  }
  return { items, tooLarge: false, largestChars }
}

/** Returns the blocks among the items. */
export const blocksOf = (items: ParsedItem[]): Block[] => items.flatMap((item) => ('block' in item ? item.block : []))

/** Returns the public outputs, with the ID that each event inherits, and the last event ID. */
export function inheritIds(
  items: ParsedItem[],
  lastEventId = '',
): { emitted: (ParsedEvent | string | number)[]; lastEventId: string } {
  const emitted: (ParsedEvent | string | number)[] = []
  for (const item of items) {
    if ('comment' in item) emitted.push(item.comment)
    else if ('retry' in item) emitted.push(item.retry)
    else {
      const { type, data, id } = item.block
      lastEventId = id ?? lastEventId
      if (data !== undefined) emitted.push({ type, data, id: lastEventId })
    }
  }
  return { emitted, lastEventId }
}

/** Returns the items' events as the public API delivers them. */
export const eventsOf = (items: ParsedItem[]): ParsedEvent[] =>
  inheritIds(items).emitted.filter((output) => typeof output === 'object')
