/** The parser of `rivulet/parser`. */
import { createParser } from 'rivulet/parser'

export function read(chunks, take) {
  const parser = createParser({ onEvent: (event) => take(event.type, event.data, event.id) })
  for (let i = 0; i < chunks.length; i++) parser.push(chunks[i])
  parser.end()
}
