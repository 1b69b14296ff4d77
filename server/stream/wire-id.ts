/** Event IDs on the wire: `epoch-position-nonce` in feeds, `streamId-position-nonce` in runs. */

/** The parts of an event ID. */
export interface WireId {
  /** The epoch of a feed's log, or the ID of a run. */
  readonly prefix: string
  readonly position: number
  /** Random text of the append; `0` before the first event. */
  readonly nonce: string
}

const PATTERN = /^(.+)-(\d{1,15})-([0-9a-z]+)$/

/** Formats the ID of an event, or of the position before the first event. */
export const formatId = (prefix: string, position: number, nonce: string): string =>
  `${prefix}-${position}-${nonce || '0'}`

/** Parses an event ID; returns `undefined` for any other text. */
export function parseId(id: string): WireId | undefined {
  const [, prefix, position, nonce] = PATTERN.exec(id) ?? []
  if (prefix === undefined || nonce === undefined) return undefined
  return { prefix, position: Number(position), nonce }
}
