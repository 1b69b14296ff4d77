/** The start / delta / end protocol of PROTOCOL.md, section 3. */
import type { Protocol, Step } from './protocol.ts'

/** A piece of an answer. */
export interface TextDelta {
  readonly content: string
  /** Position in the run, from 0. */
  readonly index: number
}

const RUN_EVENT_TYPES = new Set(['start', 'delta', 'end', 'error'])

/** This project's own protocol: the default. Runs can be resumed and cancelled, and are never started twice. */
export function native(): Protocol<TextDelta> {
  return {
    resumable: true,
    map({ type, data }) {
      if (!RUN_EVENT_TYPES.has(type)) return []
      const fields = JSON.parse(data)
      return [{ ...fields, type, delta: fields } as Step<TextDelta>]
    },
    text: ({ content }) => content,
  }
}
