/** fetch-event-stream. */
import { events } from 'fetch-event-stream'

export const checks = 'text'

export async function read(url, take) {
  for await (const { event, data, id } of events(await fetch(url))) take(event, data, id)
}
