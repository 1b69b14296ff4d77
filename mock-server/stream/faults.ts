/** Which events of a connection go wrong, and how: a frame goes in, steps come out. */
import type { Rule } from '../scenario/rule.ts'
import type { Frame } from './frame.ts'
import { encodeFrame, isEvent } from './frame.ts'

/** How a connection is cut: with a TCP reset, or with a FIN in the middle of the response. */
export type Cut = 'reset' | 'fin'

/** What a connection does next. */
export type Step =
  | { readonly step: 'send'; readonly text: string }
  /** `bytes` is what still gets out of the event that is cut. */
  | { readonly step: 'cut'; readonly cut: Cut; readonly bytes: Uint8Array }
  | { readonly step: 'end' }
  | { readonly step: 'stall' }
  | { readonly step: 'flood'; readonly kind: 'line' | 'lines'; readonly bytes: number }

/** The faults of one connection. */
export interface Faults {
  /** What comes before the first event; `open` is the first comment. */
  begin(open: Frame): Step[]
  next(frame: Frame): Step[]
  /** What was held back when the frames ended. */
  end(): Step[]
}

const NOTHING = new Uint8Array(0)
const CONTINUATION = 0x80

/** The part of an event that gets out, or `undefined` where this event cannot be cut there. */
function partOf(text: string, at: Rule['cut-at']): Uint8Array | undefined {
  const bytes = new TextEncoder().encode(text)
  if (at === 'last-byte') return bytes.subarray(0, -1)
  // The middle of the data: the event's id is already out, and must not count.
  if (at !== 'character') return bytes.subarray(0, (Math.max(0, text.indexOf('data:')) + bytes.length) >> 1)
  const inside = bytes.findIndex((byte) => (byte & 0xc0) === CONTINUATION)
  return inside < 0 ? undefined : bytes.subarray(0, inside)
}

/** Everything as it is: most connections have no fault, and pass every event through here. */
const none: Faults = {
  begin: (open) => [{ step: 'send', text: encodeFrame(open) }],
  next: (frame) => [{ step: 'send', text: encodeFrame(frame) }],
  end: () => [],
}

/** Makes the faults of one connection from its rule. */
export function createFaults(rule: Rule): Faults {
  if (Object.keys(rule).length === 0) return none
  let sent = 0
  let seen = 0
  let held: Frame | undefined
  /** The cut that waits for an event it can fall into. */
  let armed: Cut | undefined
  let phase: 'flowing' | 'quiet' | 'over' = 'flowing'

  /** The id that the rule leaves. */
  const idOf = ({ id }: Frame): string | undefined =>
    rule['no-ids'] ? undefined : id && rule['id-prefix'] !== undefined ? rule['id-prefix'] + id : id
  const alter = (frame: Frame, number: number): Frame => {
    const id = idOf(frame)
    const data = number === rule['invalid-data'] ? `{"broken": ${frame.data ?? ''}` : frame.data
    if (id === frame.id && data === frame.data) return frame
    const { text: _text, id: _id, data: _data, ...rest } = frame
    return { ...rest, ...(id === undefined ? {} : { id }), ...(data === undefined ? {} : { data }) }
  }

  const over = (step: Step): Step[] => {
    phase = 'over'
    return [step]
  }

  /** What is due once `sent` events are out. */
  const due = (): Step[] => {
    const steps: Step[] = []
    if (rule.insert !== undefined && sent === (rule['insert-after'] ?? 0))
      steps.push({ step: 'send', text: rule.insert })
    if (sent === rule['end-after']) return [...steps, ...over({ step: 'end' })]
    if (sent === rule['stall-after']) return [...steps, ...over({ step: 'stall' })]
    if (rule.flood && sent === (rule['flood-after'] ?? 0)) {
      return [...steps, ...over({ step: 'flood', kind: rule.flood, bytes: rule['flood-bytes'] ?? Infinity })]
    }
    if (sent === rule['reset-after']) armed = 'reset'
    if (sent === rule['truncate-after']) armed = 'fin'
    if (armed && rule['cut-at'] === 'boundary') return [...steps, ...over({ step: 'cut', cut: armed, bytes: NOTHING })]
    if (sent === rule['quiet-after']) phase = 'quiet'
    return steps
  }

  const send = (frame: Frame): Step[] => {
    const text = encodeFrame(frame)
    if (!isEvent(frame)) return [{ step: 'send', text }]
    if (armed) {
      const bytes = partOf(text, rule['cut-at'])
      if (bytes) return over({ step: 'cut', cut: armed, bytes })
    }
    sent++
    return [{ step: 'send', text }, ...due()]
  }

  /** Sends one after the other, as long as the connection goes on. */
  const sendAll = (frames: readonly Frame[]): Step[] =>
    frames.flatMap((frame) => (phase === 'flowing' ? send(frame) : []))

  return {
    begin(open) {
      const steps: Step[] = [{ step: 'send', text: '\ufeff'.repeat(rule.bom ?? 0) + encodeFrame(open) }]
      if (rule.retry !== undefined) steps.push({ step: 'send', text: `retry: ${rule.retry}\n\n` })
      return [...steps, ...due()]
    },
    next(frame) {
      if (phase === 'over') return []
      if (!isEvent(frame)) return [{ step: 'send', text: encodeFrame(alter(frame, 0)) }]
      if (phase === 'quiet') return []
      if (frame.index !== undefined && frame.index === rule['drop-index']) return []
      const number = ++seen
      const altered = alter(frame, number)
      if (number === rule.reorder) {
        held = altered
        return []
      }
      const late = held
      held = undefined
      return sendAll([altered, ...(number === rule.duplicate ? [altered] : []), ...(late ? [late] : [])])
    },
    end() {
      const late = held
      held = undefined
      return late ? sendAll([late]) : []
    },
  }
}
