/** Positions in a run: how far it was received, and how far a loop has come. */
import type { Cursor } from '../base/errors.ts'
import type { StreamEvent } from '../base/events.ts'

/** An event of a run. What it means for the position in the run is private: it is not part of the event. */
export class RunEvent implements StreamEvent {
  readonly type: string
  readonly data: unknown
  readonly id: string
  readonly #nextIndex: number | undefined
  readonly #text: string | undefined

  /** `nextIndex`: index of the next delta after this event, if it is known; `text`: only deltas have one. */
  constructor(type: string, data: unknown, id: string, nextIndex: number | undefined, text?: string) {
    this.type = type
    this.data = data
    this.id = id
    this.#nextIndex = nextIndex
    this.#text = text
  }

  /** Moves `position` past an event. Returns whether the event is a delta. */
  static advance(position: RunPosition, event: StreamEvent): boolean {
    if (!(#text in event)) return false
    position.lastEventId = event.id
    position.nextIndex = event.#nextIndex
    if (event.#text === undefined) return false
    position.text += event.#text
    return true
  }

  /** Returns the index of the next delta after an event, if it is known. */
  static nextIndexAfter(event: StreamEvent): number | undefined {
    return #text in event ? event.#nextIndex : undefined
  }
}

/** A position in a run. */
export interface RunPosition {
  /** Text of the deltas before this position. */
  text: string
  lastEventId: string | undefined
  /** Index of the next expected delta, if it is known. */
  nextIndex: number | undefined
}

/** Returns the index of the next delta after `cursor`; it is unknown if a run is joined midway without an index. */
export function nextIndexAt(cursor: Cursor | undefined): number | undefined {
  return cursor?.lastEventId ? cursor.index : 0
}

/** Creates the position of a run that starts at `cursor`, or at its beginning. */
export function createPosition(cursor: Cursor | undefined): RunPosition {
  return { text: '', lastEventId: cursor?.lastEventId, nextIndex: nextIndexAt(cursor) }
}
