/** Applies the faults of a rule to the events of one connection: frames in, steps out. */
import type { Rule } from '../scenario/rule.ts'
import type { Frame } from './frame.ts'
import { encodeFrame, isEvent } from './frame.ts'

/** How a connection is cut: by a TCP reset, or by a FIN in the middle of the response. */
export type CutKind = 'reset' | 'fin'

/** The next action of a connection. */
export type Step =
  | { readonly step: 'send'; readonly text: string }
  /** `bytes` is the part of the cut event that is still sent. */
  | { readonly step: 'cut'; readonly cut: CutKind; readonly bytes: Uint8Array }
  | { readonly step: 'end' }
  | { readonly step: 'stall' }
  | { readonly step: 'flood'; readonly kind: 'line' | 'lines'; readonly bytes: number }

/** The faults of one connection. */
export interface Faults {
  /** Returns the steps before the first event; `open` is the first comment. */
  begin(open: Frame): Step[]
  /** Returns the steps for the next frame. */
  next(frame: Frame): Step[]
  /** Whether only comments are sent. */
  readonly isQuiet: boolean
  /** Call after the last frame: returns the steps for a frame that is still held back. */
  flush(): Step[]
}

const NO_BYTES = new Uint8Array(0)
const UTF8_CONTINUATION_BITS = 0x80

/** Returns the part of an event before the cut, or `undefined` if this event cannot be cut there. */
function cutEvent(text: string, at: Rule['cut-at']): Uint8Array | undefined {
  const bytes = new TextEncoder().encode(text)
  if (at === 'last-byte') return bytes.subarray(0, -1)
  // Cut within the data, so that the client receives the id of an event that it must discard.
  if (at !== 'character') return bytes.subarray(0, (Math.max(0, text.indexOf('data:')) + bytes.length) >> 1)
  const cutAt = bytes.findIndex((byte) => (byte & 0xc0) === UTF8_CONTINUATION_BITS)
  return cutAt < 0 ? undefined : bytes.subarray(0, cutAt)
}

/** Passes every event through unchanged; used for most connections. */
const noFaults: Faults = {
  begin: (open) => [{ step: 'send', text: encodeFrame(open) }],
  next: (frame) => [{ step: 'send', text: encodeFrame(frame) }],
  isQuiet: false,
  flush: () => [],
}

/** Creates the faults of one connection from its rule. */
export function createFaults(rule: Rule): Faults {
  if (Object.keys(rule).length === 0) return noFaults
  let sentCount = 0
  let seenCount = 0
  let heldFrame: Frame | undefined
  /** A cut that waits for an event that can be cut at `cut-at`. */
  let pendingCut: CutKind | undefined
  let phase: 'flowing' | 'quiet' | 'ended' = 'flowing'

  /** Returns the frame's id after applying `no-ids` and `id-prefix`. */
  const applyIdFaults = ({ id }: Frame): string | undefined =>
    rule['no-ids'] ? undefined : id && rule['id-prefix'] !== undefined ? rule['id-prefix'] + id : id
  const alterFrame = (frame: Frame, number: number): Frame => {
    const id = applyIdFaults(frame)
    const data = number === rule['invalid-data'] ? `{"broken": ${frame.data ?? ''}` : frame.data
    if (id === frame.id && data === frame.data) return frame
    const { encoded: _text, id: _id, data: _data, ...rest } = frame
    return { ...rest, ...(id === undefined ? {} : { id }), ...(data === undefined ? {} : { data }) }
  }

  const endWith = (step: Step): Step[] => {
    phase = 'ended'
    return [step]
  }

  /** Returns the steps that are due after `sentCount` events. */
  const takeDueSteps = (): Step[] => {
    const steps: Step[] = []
    if (rule.insert !== undefined && sentCount === (rule['insert-after'] ?? 0))
      steps.push({ step: 'send', text: rule.insert })
    if (sentCount === rule['end-after']) return [...steps, ...endWith({ step: 'end' })]
    if (sentCount === rule['stall-after']) return [...steps, ...endWith({ step: 'stall' })]
    if (rule.flood && sentCount === (rule['flood-after'] ?? 0)) {
      return [...steps, ...endWith({ step: 'flood', kind: rule.flood, bytes: rule['flood-bytes'] ?? Infinity })]
    }
    if (sentCount === rule['reset-after']) pendingCut = 'reset'
    if (sentCount === rule['truncate-after']) pendingCut = 'fin'
    if (pendingCut && rule['cut-at'] === 'boundary')
      return [...steps, ...endWith({ step: 'cut', cut: pendingCut, bytes: NO_BYTES })]
    if (sentCount === rule['quiet-after']) phase = 'quiet'
    return steps
  }

  const send = (frame: Frame): Step[] => {
    const text = encodeFrame(frame)
    if (!isEvent(frame)) return [{ step: 'send', text }]
    if (pendingCut) {
      const bytes = cutEvent(text, rule['cut-at'])
      if (bytes) return endWith({ step: 'cut', cut: pendingCut, bytes })
    }
    sentCount++
    return [{ step: 'send', text }, ...takeDueSteps()]
  }

  /** Returns the steps that send the frames, until a fault silences or ends the connection. */
  const sendAll = (frames: readonly Frame[]): Step[] =>
    frames.flatMap((frame) => (phase === 'flowing' ? send(frame) : []))

  return {
    begin(open) {
      const steps: Step[] = [{ step: 'send', text: '\ufeff'.repeat(rule.bom ?? 0) + encodeFrame(open) }]
      if (rule.retry !== undefined) steps.push({ step: 'send', text: `retry: ${rule.retry}\n\n` })
      return [...steps, ...takeDueSteps()]
    },
    next(frame) {
      if (phase === 'ended') return []
      if (!isEvent(frame)) return [{ step: 'send', text: encodeFrame(alterFrame(frame, 0)) }]
      if (phase === 'quiet') return []
      if (frame.index !== undefined && frame.index === rule['drop-index']) return []
      const number = ++seenCount
      const altered = alterFrame(frame, number)
      if (number === rule.reorder) {
        heldFrame = altered
        return []
      }
      const delayed = heldFrame
      heldFrame = undefined
      return sendAll([altered, ...(number === rule.duplicate ? [altered] : []), ...(delayed ? [delayed] : [])])
    },
    get isQuiet() {
      return phase === 'quiet'
    },
    flush() {
      const delayed = heldFrame
      heldFrame = undefined
      return delayed ? sendAll([delayed]) : []
    },
  }
}
