/** Our own parser, built from the source. */
import { createParser } from '../../src/wire/parse.ts'

export function read(chunks, take) {
  const parser = createParser({ onBlock: (block) => block.data !== undefined && take(block.type, block.data, block.id) })
  for (let i = 0; i < chunks.length; i++) parser.push(chunks[i])
  parser.end()
}
