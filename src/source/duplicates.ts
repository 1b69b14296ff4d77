/** Recognizes events of third-party servers that a new connection repeats. */

/** An event with an ID of its own. */
export interface IdentifiedEvent {
  readonly type: string
  readonly data: string
  readonly id: string
}

/** What an event is: `new`; `duplicate`: an earlier connection received it; `conflict`: its ID has other content. */
export type Verdict = 'new' | 'duplicate' | 'conflict'

export interface Duplicates {
  /** A new connection starts: it may repeat what was received. */
  beginConnection(): void
  /** Classifies an event, and remembers it unless it is a duplicate. After a conflict, every event is `new`. */
  classify(event: IdentifiedEvent): Verdict
}

/** Most characters that are remembered; the last event is remembered whatever its size. */
const MAX_CHARS = 0x10000

const charsOf = ({ type, data, id }: IdentifiedEvent): number => type.length + data.length + id.length

/**
 * Creates a memory of the last `maxEvents` events.
 *
 * Nothing but IDs can be trusted on a third-party server, and not even those: many servers count them per connection. An
 * event is therefore a duplicate only if its ID, type and data were received before, at the start of a new connection,
 * and in the same order. The same ID with other content proves that IDs are not unique.
 */
export function createDuplicates(maxEvents: number): Duplicates {
  /** Received events by ID, in the order in which they were received; `position` counts them. */
  const received = new Map<string, { readonly event: IdentifiedEvent; readonly position: number }>()
  let chars = 0
  let nextPosition = 0
  /**
   * Position that the next duplicate must have: `any` at the start of a connection, `none` after its first new event.
   */
  let expected: number | 'any' | 'none' = 'none'
  let isUnique = maxEvents > 0

  const forgetOldest = (): void => {
    for (const [id, { event }] of received) {
      if (received.size <= 1 || (received.size <= maxEvents && chars <= MAX_CHARS)) return
      received.delete(id)
      chars -= charsOf(event)
    }
  }
  const remember = (event: IdentifiedEvent): void => {
    // Deleting first moves a repeated ID to the end.
    if (received.delete(event.id)) chars -= charsOf(event)
    received.set(event.id, { event, position: nextPosition++ })
    chars += charsOf(event)
    forgetOldest()
  }

  return {
    beginConnection() {
      expected = 'any'
    },
    classify(event) {
      if (!isUnique) return 'new'
      const known = received.get(event.id)
      if (known && (known.event.data !== event.data || known.event.type !== event.type)) {
        isUnique = false
        received.clear()
        return 'conflict'
      }
      if (known && (expected === 'any' || expected === known.position)) {
        expected = known.position + 1
        return 'duplicate'
      }
      expected = 'none'
      remember(event)
      return 'new'
    },
  }
}
