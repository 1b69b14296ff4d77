/** fetch-event-stream, an async generator over a response. */
import { events } from 'fetch-event-stream'
import { createResponse } from '../body.mjs'

export async function read(chunks, take) {
  for await (const event of events(createResponse(chunks))) if (event.data) take(event.event, event.data, event.id)
}
