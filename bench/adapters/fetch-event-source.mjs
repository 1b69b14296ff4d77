/** The parser of @microsoft/fetch-event-source. It reports comments as messages without data; skip these. */
import { getLines, getMessages } from '@microsoft/fetch-event-source/lib/esm/parse.js'

export function read(chunks, take) {
  const nothing = () => {}
  const push = getLines(
    getMessages(nothing, nothing, (message) => {
      if (message.data !== '') take(message.event, message.data, message.id)
    }),
  )
  for (let i = 0; i < chunks.length; i++) push(chunks[i])
}
