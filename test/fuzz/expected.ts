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
  /** The largest number of characters of a value that is used: of an event's data, or of another field or a comment. */
  largestChars: number
}

/** Runs the reference parser on lines. The parser drops a leading byte order mark, so one is added to keep the first line unchanged. */
const readLines = (lines: string[]) => parseReference(utf8(`\uFEFF${lines.join('\n')}\n`))

/** Returns the length of the value in a line that is used, also if the line is unfinished; `undefined` if there is none. */
function valueLengthOf(line: string, hasComments: boolean): number | undefined {
  const [match, name] = /^(data|event|id|retry|): ?/.exec(line) ?? []
  return match === undefined || (name === '' && !hasComments) ? undefined : line.length - match.length
}

/**
 * Parses a stream line by line, because the reference parser reports no order among blocks, comments and `retry`, and
 * has no limit. An event is too large if a value exceeds the limit, for `data` together with the data before it; an
 * unfinished line counts up to its last complete character. Comments count only if they are used.
 */
export function readExpected(
  bytes: Uint8Array,
  maxEventSize = Number.POSITIVE_INFINITY,
  hasComments = true,
): ExpectedResult {
  const items: ParsedItem[] = []
  const lines = new TextDecoder().decode(bytes, { stream: true }).split(/\r\n|\n|\r/)
  let block: string[] = []
  let dataSize: number | undefined
  let largestChars = 0
  for (const [n, line] of lines.entries()) {
    const isFinished = n < lines.length - 1
    const isEmptyData = isFinished && line === 'data'
    const valueLength = isEmptyData ? 0 : (valueLengthOf(line, hasComments) ?? -1)
    const dataBefore = line.startsWith('data') && dataSize !== undefined ? dataSize + 1 : 0
    if (valueLength >= 0) largestChars = Math.max(largestChars, dataBefore + valueLength)
    if (largestChars > maxEventSize) return { items, tooLarge: true, largestChars }
    if (!isFinished) break
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
