/** The event reader inside OpenAI's SDK, without JSON parsing. It reports no IDs. */
import { _iterSSEMessages } from 'openai/core/streaming'
import { createResponse } from '../body.mjs'

export const fields = { ids: false }

export async function read(chunks, take) {
  for await (const event of _iterSSEMessages(createResponse(chunks), new AbortController()))
    if (event.data) take(event.event, event.data)
}
