/** eventsource 5, an EventSource implementation over `fetch`. */
import { EventSource } from 'eventsource'

export const checks = 'text'

export function read(url, take, total) {
  return new Promise((resolve) => {
    const source = new EventSource(url)
    source.addEventListener('delta', ({ type, data, lastEventId }) => {
      if (take(type, data, lastEventId) < total) return
      source.close()
      resolve()
    })
  })
}
