/** A rivulet feed read by `for await`, with JSON parsing. */
import { createClient } from 'rivulet'

export const checks = 'json'

export async function read(url, take, total) {
  for await (const { type, data, id } of createClient().subscribe(url)) {
    if (take(type, data, id) === total) break
  }
}
