/** A rivulet feed read by `for await`, as text. */
import { createClient } from 'rivulet'

export const checks = 'text'

export async function read(url, take, total) {
  for await (const { type, data, id } of createClient().subscribe(url, { parse: 'text' })) {
    if (take(type, data, id) === total) break
  }
}
