/** What a stream says, by the reference: in order, with a limit, and as events. */
import type { ParsedEvent } from '../../src/parser.ts'
import type { Block } from '../../src/sse/parse.ts'
import { utf8 } from '../sse/parse-chunks.ts'
import { parseReference } from '../sse/reference.ts'

/** One thing that a stream says. */
export type ParsedItem = { block: Block } | { comment: string } | { retry: number }

/** All that it says until its end, or until an event is too large. */
export interface ExpectedResult {
  items: ParsedItem[]
  tooLarge: boolean
  /** The most characters that an event and the line under way had until there. */
  largestChars: number
}

/** The reference on lines without their ends. Its decoder drops the byte order mark, which belongs to no line. */
const readLines = (lines: string[]) => parseReference(utf8(`\uFEFF${lines.join('\n')}\n`))

/**
 * Line by line, because the reference has no order among blocks, comments and `retry`, and no limit. A line is too large
 * when it does not fit with the data before it; the line without end counts as far as its characters are whole.
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
      items.push(...readLines(block).blocks.map((whole) => ({ block: whole })))
      block = []
      dataSize = undefined
    }
  }
  return { items, tooLarge: false, largestChars }
}

/** The blocks among them. */
export const blocksOf = (items: ParsedItem[]): Block[] => items.flatMap((item) => ('block' in item ? item.block : []))

/** What was said with the id that each event inherits, and the last of them. */
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

/** The events of a stream, as its users get them. */
export const eventsOf = (items: ParsedItem[]): ParsedEvent[] =>
  inheritIds(items).emitted.filter((one) => typeof one === 'object')
