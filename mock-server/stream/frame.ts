/** One event on its way to a client: what the faults can still change, before it becomes text. */
import { encodeEvent } from '../../src/wire/encode.ts'

/** The fields of one block; `data` is the finished text. */
export interface Frame {
  readonly type?: string
  readonly data?: string
  readonly id?: string
  readonly comment?: string
  /** `index` of a run's delta. */
  readonly index?: number
}

/** Frames are shared by all readers of a log, so each is encoded once. */
const encoded = new WeakMap<Frame, string>()

/** The frame as it goes over the wire. Throws `TypeError` for CR, LF or NUL in type, id or comment. */
export function encodeFrame(frame: Frame): string {
  let text = encoded.get(frame)
  if (text === undefined) {
    text = encodeEvent(frame)
    encoded.set(frame, text)
  }
  return text
}

/** Whether a client dispatches it: comments and id-only blocks are not counted as events. */
export function isEvent(frame: Frame): boolean {
  return frame.data !== undefined
}
