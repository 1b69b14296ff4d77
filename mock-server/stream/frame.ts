/** One block of an event stream before it is encoded, so that faults can still alter it. */
import { encodeEvent } from '../../src/sse/encode.ts'

/** The fields of one block; `data` is already serialized. */
export interface Frame {
  readonly type?: string
  readonly data?: string
  readonly id?: string
  readonly comment?: string
  /** The `index` of a run's delta. */
  readonly index?: number
  /** The encoded block, if it has been encoded already. */
  readonly encoded?: string
}

/**
 * Creates a frame that is encoded once for all readers of a log.
 * @throws `TypeError` for CR, LF or NUL in `type`, `id` or `comment`
 */
export function createFrame(fields: Frame): Frame {
  return { ...fields, encoded: encodeEvent(fields) }
}

/**
 * Encodes a frame for the wire.
 * @throws `TypeError` as `createFrame` does
 */
export function encodeFrame(frame: Frame): string {
  return frame.encoded ?? encodeEvent(frame)
}

/** Whether a client dispatches the frame as an event; comments and id-only blocks are not events. */
export function isEvent(frame: Frame): boolean {
  return frame.data !== undefined
}
