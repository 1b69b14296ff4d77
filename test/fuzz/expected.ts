/** What a stream says, by the reference: in order, with a limit, and as events. */
import type { ParsedEvent } from '../../src/parser.ts'
import type { Block } from '../../src/sse/parse.ts'
import { utf8 } from '../sse/parse-chunks.ts'
import { readReference } from '../sse/reference.ts'

/** One thing that a stream says. */
export type Item = { block: Block } | { comment: string } | { retry: number }

/** All that it says until its end, or until an event is too large. */
export interface Expected {
  items: Item[]
  tooLarge: boolean
  /** The most characters that an event and the line under way had until there. */
  largest: number
}

/** The reference on lines without their ends. Its decoder drops the byte order mark, which belongs to no line. */
const readLines = (lines: string[]) => readReference(utf8(`\uFEFF${lines.join('\n')}\n`))

/**
 * Line by line, because the reference has no order among blocks, comments and `retry`, and no limit. A line is too large
 * when it does not fit with the data before it; the line without end counts as far as its characters are whole.
 */
export function readExpected(bytes: Uint8Array, maxEventSize = Number.POSITIVE_INFINITY): Expected {
  const items: Item[] = []
  const lines = new TextDecoder().decode(bytes, { stream: true }).split(/\r\n|\n|\r/)
  let block: string[] = []
  let dataSize: number | undefined
  let largest = 0
  for (const [n, line] of lines.entries()) {
    if (line) largest = Math.max(largest, (dataSize ?? 0) + line.length)
    if (largest > maxEventSize) return { items, tooLarge: true, largest }
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
  return { items, tooLarge: false, largest }
}

/** The blocks among them. */
export const blocksOf = (items: Item[]): Block[] => items.flatMap((item) => ('block' in item ? item.block : []))

/** What was said with the id that each event inherits, and the last of them. */
export function inherit(
  items: Item[],
  lastEventId = '',
): { told: (ParsedEvent | string | number)[]; lastEventId: string } {
  const told: (ParsedEvent | string | number)[] = []
  for (const item of items) {
    if ('comment' in item) told.push(item.comment)
    else if ('retry' in item) told.push(item.retry)
    else {
      const { type, data, id } = item.block
      lastEventId = id ?? lastEventId
      if (data !== undefined) told.push({ type, data, id: lastEventId })
    }
  }
  return { told, lastEventId }
}

/** The events of a stream, as its users get them. */
export const eventsOf = (items: Item[]): ParsedEvent[] => inherit(items).told.filter((one) => typeof one === 'object')
