/** The drop-in replacement in `rivulet/fetch-event-source`. */
import { fetchEventSource } from 'rivulet/fetch-event-source'

export const checks = 'text'

export const read = (url, take) =>
  fetchEventSource(url, { openWhenHidden: true, onmessage: ({ event, data, id }) => take(event, data, id) })
