/** Which events of a connection go wrong, and how: a frame goes in, steps come out. */
import type { Rule } from '../scenario/rule.ts'
import type { Frame } from './frame.ts'
import { encodeFrame, isEvent } from './frame.ts'

/** How a connection is cut: with a TCP reset, or with a FIN in the middle of the response. */
export type CutKind = 'reset' | 'fin'

/** What a connection does next. */
export type Step =
  | { readonly step: 'send'; readonly text: string }
  /** `bytes` is what still gets out of the event that is cut. */
  | { readonly step: 'cut'; readonly cut: CutKind; readonly bytes: Uint8Array }
  | { readonly step: 'end' }
  | { readonly step: 'stall' }
  | { readonly step: 'flood'; readonly kind: 'line' | 'lines'; readonly bytes: number }

/** The faults of one connection. */
export interface Faults {
  /** What comes before the first event; `open` is the first comment. */
  begin(open: Frame): Step[]
  next(frame: Frame): Step[]
  /** What was held back when the frames ended. */
  flush(): Step[]
}

const NO_BYTES = new Uint8Array(0)
const UTF8_CONTINUATION_BITS = 0x80

/** The part of an event that gets out, or `undefined` where this event cannot be cut there. */
function cutEvent(text: string, at: Rule['cut-at']): Uint8Array | undefined {
  const bytes = new TextEncoder().encode(text)
  if (at === 'last-byte') return bytes.subarray(0, -1)
  // The middle of the data: the event's id is already out, and must not count.
  if (at !== 'character') return bytes.subarray(0, (Math.max(0, text.indexOf('data:')) + bytes.length) >> 1)
  const cutAt = bytes.findIndex((byte) => (byte & 0xc0) === UTF8_CONTINUATION_BITS)
  return cutAt < 0 ? undefined : bytes.subarray(0, cutAt)
}

/** Everything as it is: most connections have no fault, and pass every event through here. */
const noFaults: Faults = {
  begin: (open) => [{ step: 'send', text: encodeFrame(open) }],
  next: (frame) => [{ step: 'send', text: encodeFrame(frame) }],
  flush: () => [],
}

/** Makes the faults of one connection from its rule. */
export function createFaults(rule: Rule): Faults {
  if (Object.keys(rule).length === 0) return noFaults
  let sentCount = 0
  let seenCount = 0
  let heldFrame: Frame | undefined
  /** The cut that waits for an event it can fall into. */
  let pendingCut: CutKind | undefined
  let phase: 'flowing' | 'quiet' | 'ended' = 'flowing'

  /** The id that the rule leaves. */
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

  /** What is due once `sent` events are out. */
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

  /** Sends one after the other, as long as the connection goes on. */
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
    flush() {
      const delayed = heldFrame
      heldFrame = undefined
      return delayed ? sendAll([delayed]) : []
    },
  }
}
