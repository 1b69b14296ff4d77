/**
 * parse-sse, which pipes a response through transform streams. It reports the last event ID instead of each event's
 * own, so IDs are not compared.
 */
import { parseServerSentEvents } from 'parse-sse'
import { createResponse } from '../body.mjs'

export const fields = { ids: false }

export async function read(chunks, take) {
  const reader = parseServerSentEvents(createResponse(chunks)).getReader()
  for (let result = await reader.read(); !result.done; result = await reader.read())
    take(result.value.type, result.value.data)
}
