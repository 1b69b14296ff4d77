/** The drop-in replacement in `rivulet/fetch-event-source`. */
import { fetchEventSource } from '../../../src/fetch-event-source/fetch-event-source.ts'

export const checks = 'text'

export const read = (url, take) =>
  fetchEventSource(url, { openWhenHidden: true, onmessage: ({ event, data, id }) => take(event, data, id) })
