/** Recognizes events of third-party servers that a new connection repeats. */

/** An event with an ID of its own. It must not be changed later. */
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
  // A ring, because an event costs as little as possible: each has at least one character, so this is enough.
  const capacity = Math.min(maxEvents, MAX_CHARS)
  const received: IdentifiedEvent[] = []
  /** Position of the last event with each ID; positions count the remembered events. */
  const positions = new Map<string, number>()
  let first = 0 // position of the oldest event
  let next = 0 // position of the next event
  let chars = 0
  /**
   * Position that the next duplicate must have: `any` at the start of a connection, `none` after its first new event.
   */
  let expected: number | 'any' | 'none' = 'none'
  let isUnique = maxEvents > 0

  const forgetOldest = (): void => {
    const oldest = received[first % capacity]!
    if (positions.get(oldest.id) === first) positions.delete(oldest.id)
    chars -= charsOf(oldest)
    first++
  }
  const remember = (event: IdentifiedEvent): void => {
    if (next - first === capacity) forgetOldest()
    received[next % capacity] = event
    positions.set(event.id, next++)
    chars += charsOf(event)
    // The last event is remembered whatever its size.
    while (chars > MAX_CHARS && next - first > 1) forgetOldest()
  }

  return {
    beginConnection() {
      expected = 'any'
    },
    classify(event) {
      if (!isUnique) return 'new'
      const position = positions.get(event.id)
      if (position !== undefined) {
        const known = received[position % capacity]!
        if (known.data !== event.data || known.type !== event.type) {
          isUnique = false
          received.length = 0
          positions.clear()
          return 'conflict'
        }
        if (expected === 'any' || expected === position) {
          expected = position + 1
          return 'duplicate'
        }
      }
      expected = 'none'
      remember(event)
      return 'new'
    },
  }
}
