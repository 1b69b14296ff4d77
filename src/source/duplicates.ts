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

/** Returns whether `id` comes after `other` in an order that has numbers without leading zeros in theirs. */
const isAfter = (id: string, other: string): boolean =>
  id.length === other.length ? id > other : id.length > other.length

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
  let first = 0 // position of the oldest event; positions count the remembered events
  let next = 0 // position of the next event
  let chars = 0
  /** From this position on, each ID comes after the one before it. Most servers count, so that nothing has to be searched. */
  let ascendingFrom = 0
  /** Position of the last event with each ID; exists only while it is needed. */
  let positions: Map<string, number> | undefined
  /**
   * Position that the next duplicate must have: `any` at the start of a connection, `none` after its first new event.
   */
  let expected: number | 'any' | 'none' = 'none'
  let isUnique = maxEvents > 0

  const at = (position: number): IdentifiedEvent => received[position % capacity]!
  /** Returns the position of the last event with this ID, which comes after all others if `isNext`. */
  const find = (id: string, isNext: boolean): number | undefined => {
    if (isNext && ascendingFrom <= first) return (positions = undefined)
    if (!positions) {
      positions = new Map()
      for (let position = first; position < next; position++) positions.set(at(position).id, position)
    }
    return positions.get(id)
  }
  const forgetOldest = (): void => {
    const { id } = at(first)
    if (positions?.get(id) === first) positions.delete(id)
    chars -= charsOf(at(first++))
  }
  const remember = (event: IdentifiedEvent): void => {
    if (next - first === capacity) forgetOldest()
    positions?.set(event.id, next)
    received[next++ % capacity] = event
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
      const isNext = next === first || isAfter(event.id, at(next - 1).id)
      const position = find(event.id, isNext)
      if (position !== undefined) {
        const known = at(position)
        if (known.data !== event.data || known.type !== event.type) {
          isUnique = false
          received.length = 0
          positions = undefined
          return 'conflict'
        }
        if (expected === 'any' || expected === position) {
          expected = position + 1
          return 'duplicate'
        }
      }
      expected = 'none'
      if (!isNext) ascendingFrom = next
      remember(event)
      return 'new'
    },
  }
}
