/**
 * The parser of undici's EventSource, a transform stream that runs only in Node. It reports the last event ID instead
 * of each event's own, so IDs are not compared.
 */
import undici from '../node_modules/undici/lib/web/eventsource/eventsource-stream.js'

export const fields = { ids: false }

export function read(chunks, take) {
  return new Promise((resolve, reject) => {
    const stream = new undici.EventSourceStream({
      eventSourceSettings: { lastEventId: '', reconnectionTime: 0, origin: '' },
    })
    stream.on('data', ({ type, options }) => take(type, options.data))
    stream.on('end', resolve)
    stream.on('error', reject)
    for (let i = 0; i < chunks.length; i++) stream.write(chunks[i])
    stream.end()
  })
}
