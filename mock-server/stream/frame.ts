/** One event on its way to a client: what the faults can still change, before it becomes text. */
import { encodeEvent } from '../../src/sse/encode.ts'

/** The fields of one block; `data` is the finished text. */
export interface Frame {
  readonly type?: string
  readonly data?: string
  readonly id?: string
  readonly comment?: string
  /** `index` of a run's delta. */
  readonly index?: number
  /** The block, where it was made already. */
  readonly encoded?: string
}

/** A frame that all readers of a log share, encoded once. Throws `TypeError` for CR, LF or NUL in type, id or comment. */
export function createFrame(fields: Frame): Frame {
  return { ...fields, encoded: encodeEvent(fields) }
}

/** The frame as it goes over the wire. Throws as `createFrame` does. */
export function encodeFrame(frame: Frame): string {
  return frame.encoded ?? encodeEvent(frame)
}

/** Whether a client dispatches it: comments and id-only blocks are not counted as events. */
export function isEvent(frame: Frame): boolean {
  return frame.data !== undefined
}
