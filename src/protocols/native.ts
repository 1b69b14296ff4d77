/** The default protocol: start, delta and end events according to PROTOCOL.md, section 3. */
import type { Protocol, Step } from './protocol.ts'

/** A part of the generated text. */
export interface TextDelta {
  /** Text to append. */
  readonly content: string
  /** Position of the delta in the run, counted from 0. */
  readonly index: number
}

const RUN_EVENT_TYPES = new Set(['start', 'delta', 'end', 'error'])

/**
 * Returns the default protocol (PROTOCOL.md, section 3). Its runs can be resumed and cancelled, and are never started
 * twice.
 *
 * @example
 * ```ts
 * const run = client.stream('/api/generate', { protocol: native(), json: { prompt: 'Hello' } })
 * for await (const { content } of run) console.log(content)
 * ```
 */
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
