/** A reference parser: the standard's algorithm, word for word, for a whole stream at once; slow but easy to verify. */
import type { Block } from '../../src/sse/parse.ts'

/** Everything that a stream contains. */
export interface ParseResult {
  blocks: Block[]
  retries: number[]
  comments: string[]
}

/** Parses a whole stream: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation */
export function parseReference(bytes: Uint8Array): ParseResult {
  const result: ParseResult = { blocks: [], retries: [], comments: [] }
  // [spec] "UTF-8 decode" drops one byte order mark.
  const lines = new TextDecoder().decode(bytes).split(/\r\n|\n|\r/)
  // Text without a line end is not a line.
  lines.pop()
  let dataBuffer = ''
  let typeBuffer = ''
  let id: string | undefined
  let hasData = false
  for (const line of lines) {
    if (line === '') {
      if (hasData || id !== undefined) {
        result.blocks.push({ type: typeBuffer || 'message', data: hasData ? dataBuffer.slice(0, -1) : undefined, id })
      }
      dataBuffer = ''
      typeBuffer = ''
      id = undefined
      hasData = false
      continue
    }
    const colon = line.indexOf(':')
    const field = colon === -1 ? line : line.substring(0, colon)
    let value = colon === -1 ? '' : line.substring(colon + 1)
    if (value.startsWith(' ')) value = value.substring(1)
    if (colon === 0) result.comments.push(value)
    else if (field === 'event') typeBuffer = value
    else if (field === 'data') {
      dataBuffer += `${value}\n`
      hasData = true
    } else if (field === 'id' && !value.includes('\0')) id = value
    else if (field === 'retry' && value !== '' && value.split('').every((digit) => '0123456789'.includes(digit))) {
      result.retries.push(Number.parseInt(value, 10))
    }
  }
  return result
}
