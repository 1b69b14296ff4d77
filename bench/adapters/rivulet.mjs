/** The parser of `rivulet/parser`, built from the source. */
import { createParser } from '../../src/parser/parser.ts'

export function read(chunks, take) {
  const parser = createParser({ onEvent: (event) => take(event.type, event.data, event.id) })
  for (let i = 0; i < chunks.length; i++) parser.push(chunks[i])
  parser.end()
}
