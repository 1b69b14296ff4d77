/** The blocks of third-party servers by ID: shows whether a server uses an ID for more than one event. */
import type { Block } from '../sse/parse.ts'

export interface IdHistory {
  /** Whether an ID was used for events that differ. It stays true: an ID then says nothing about a position. */
  readonly hasRepeats: boolean
  /** Returns the newest event with this ID. */
  find(id: string): Block | undefined
  /** Compares an event with the one that has the same ID, without recording it. */
  compare(block: Block): void
  /** Records an event. Events without an ID, and IDs without an event, are ignored. */
  add(block: Block): void
  /** Forgets an event. */
  delete(block: Block): void
  /** Records that another member has seen an ID twice. */
  markRepeats(): void
}

export function createIdHistory(): IdHistory {
  const events = new Map<string, Block>()
  let hasRepeats = false
  const isTracked = ({ id, data }: Block): boolean => !!id && data !== undefined
  const compare = (block: Block): void => {
    const known = isTracked(block) && events.get(block.id!)
    // The same event again is what a server sends that repeats events after a reconnect.
    if (known && (known.type !== block.type || known.data !== block.data)) hasRepeats = true
  }

  return {
    get hasRepeats() {
      return hasRepeats
    },
    find: (id) => events.get(id),
    compare,
    add(block) {
      compare(block)
      if (isTracked(block)) events.set(block.id!, block)
    },
    delete(block) {
      if (events.get(block.id!) === block) events.delete(block.id!)
    },
    markRepeats() {
      hasRepeats = true
    },
  }
}
