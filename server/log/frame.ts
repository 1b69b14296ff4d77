/** Frames: events in the wire format, as the log stores them. */
import { encodeEvent } from '../../src/sse/encode.ts'

/**
 * Encodes an event without its `id` line and without the blank line that ends it: the ID depends on the position, which
 * the log chooses.
 * @throws TypeError if `type` contains CR, LF or NUL
 */
export const encodeFrame = (type: string, data: string): string => encodeEvent({ type, data }).slice(0, -1)
