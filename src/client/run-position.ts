/** Positions in a run: how far it was received, and how far a loop has come. */
import type { Cursor } from '../base/errors.ts'
import type { StreamEvent } from '../base/events.ts'
import type { Message } from '../message/message.ts'

/** What an event of a run means for positions in the run. */
export interface RunEventMeaning {
  /** Index of the next delta after the event, if it is known. */
  readonly nextIndex: number | undefined
  /** Position after the event, for protocols that do not resume by event ID. */
  readonly at: string | undefined
  /** Only deltas have one. */
  readonly delta: unknown
  /** The text of the delta. */
  readonly text: string
}

/** An event of a run. What it means for the position in the run is private: it is not part of the event. */
export class RunEvent implements StreamEvent {
  /** Empty if the event has another delta than the first one of an event of the wire: no listener receives it. */
  readonly type: string
  readonly data: unknown
  readonly id: string
  readonly #nextIndex: number | undefined
  readonly #at: string | undefined
  readonly #delta: unknown
  readonly #text: string

  constructor(type: string, data: unknown, id: string, { nextIndex, at, delta, text }: RunEventMeaning) {
    this.type = type
    this.data = data
    this.id = id
    this.#nextIndex = nextIndex
    this.#at = at
    this.#delta = delta
    this.#text = text
  }

  /** Moves `position` past an event of a run. Returns its delta, if it has one. */
  static advance(position: RunPosition, event: StreamEvent, reduce: Reduce | undefined): unknown {
    const own = event as RunEvent
    const delta = own.#delta
    position.lastEventId = own.id
    position.nextIndex = own.#nextIndex
    position.at = own.#at
    if (delta === undefined) return undefined
    if (reduce) position.message = reduce(position.message, delta)
    position.text =
      (delta as { type?: unknown }).type === 'reset' ? messageText(position.message) : position.text + own.#text
    return delta
  }

  /** Returns the index of the next delta after an event of a run, if it is known. */
  static nextIndexAfter(event: StreamEvent): number | undefined {
    return (event as RunEvent).#nextIndex
  }
}

type Reduce = (message: unknown, delta: unknown) => unknown

/** Returns the text of a message with blocks, of which some were discarded. */
const messageText = (message: unknown): string =>
  ((message as Partial<Message> | undefined)?.blocks ?? [])
    .map((block) => (block.type === 'text' ? block.content : ''))
    .join('')

/** A position in a run. */
export interface RunPosition {
  /** Text of the deltas before this position. */
  text: string
  lastEventId: string | undefined
  /** Index of the next expected delta, if it is known. */
  nextIndex: number | undefined
  /** Position for protocols that do not resume by event ID. */
  at: string | undefined
  /** The message before this position, if the protocol makes one. */
  message: unknown
}

/** Returns the index of the next delta after `cursor`; it is unknown if a run is joined midway without an index. */
export function nextIndexAt(cursor: Cursor | undefined): number | undefined {
  return cursor?.lastEventId ? cursor.index : 0
}

/** Creates the position of a run that starts at `cursor`, after `message` and `text`, or at its beginning. */
export function createPosition(cursor: Cursor | undefined, message: unknown, text: string): RunPosition {
  return { text, lastEventId: cursor?.lastEventId, nextIndex: nextIndexAt(cursor), at: cursor?.at, message }
}
