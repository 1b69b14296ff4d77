/** Checks the record of a feed whose server counts IDs per connection and replays nothing. */
import type { StreamItem } from './client.ts'
import type { StreamRecord } from './record.ts'

export interface ConnectionsResult {
  /** Number of positions that the server sent on no connection from which the client received an event. */
  readonly skipped: number
  /** Number of positions missing although an event with a higher position arrived on the same connection. */
  readonly lost: number
  /** Number of changes of the connection that a client can notice, but did not report with a reset. */
  readonly unreported: number
}

/**
 * Number of events of a connection after which the next one may go unnoticed: the first ID may have left the window of
 * 1,024 events or 64 Ki characters, and the ID is what shows that the server counts anew.
 */
const MAX_NOTICEABLE_EVENTS = 800

/**
 * Checks each connection. The server is responsible for what it sends on no connection: `skipped`. On one connection
 * the client must deliver every event from the first to the last that arrived, in order and once; and it must call
 * `onReset` before the first event of each further connection.
 */
export function checkConnections({ items, tailConnection }: StreamRecord, itemCount: number): ConnectionsResult {
  const result = { skipped: 0, lost: 0, unreported: 0 }
  let connection = 0
  let eventCount = 0 // of the current connection
  let next = 0 // the position after the last one delivered
  let unusedResets = 0
  let hasReset = false

  const addItem = ({ position, connection: { number, first } = { number: 0, first: 0 } }: StreamItem): void => {
    if (position < next) return // repeated or out of order, which `checkStream` counts
    if (number !== connection) {
      result.skipped += Math.max(0, first - next)
      next = Math.max(first, next)
      const isNoticeable = hasReset || eventCount <= MAX_NOTICEABLE_EVENTS
      if (connection > 0 && isNoticeable && unusedResets-- === 0) {
        result.unreported++
        unusedResets = 0
      }
      connection = number
      eventCount = 0
    }
    result.lost += position - next
    next = position + 1
    eventCount++
  }
  for (const item of items) {
    if (item === 'gap') {
      unusedResets++
      hasReset = true
    } else addItem(item)
  }
  // Nothing may be missing before the `tail` event either.
  if (tailConnection) addItem({ position: itemCount, connection: tailConnection })
  return result
}
