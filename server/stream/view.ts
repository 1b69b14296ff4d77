/** Views: which events of a stream a reader receives, and in which form. */
import type { LogEvent } from '../log/event-log.ts'
import { formatId } from './wire-id.ts'

/** How events are encoded for a reader. Readers with the same view share the encoded bytes. */
export interface View {
  /** Two views with the same key encode alike. */
  readonly key: string
  /** Encodes events; `prefix` is the first part of their IDs. */
  encode(events: readonly LogEvent[], prefix: string): string
}

/** Encodes one event as a block of the wire format. */
export const encodeBlock = ({ frame, position, nonce }: LogEvent, prefix: string): string =>
  `${frame}id: ${formatId(prefix, position, nonce)}\n\n`

/** Every event as it was appended. */
export const everything: View = {
  key: '',
  encode(events, prefix) {
    let text = ''
    for (const event of events) text += encodeBlock(event, prefix)
    return text
  },
}

/** Returns the type of a frame. */
function frameType(frame: string): string {
  return frame.startsWith('event: ') ? frame.slice('event: '.length, frame.indexOf('\n')) : 'message'
}

/** Only events of some types. */
export function onlyTypes(types: readonly string[]): View {
  const wanted = new Set(types)
  return {
    key: JSON.stringify([...wanted].sort()),
    encode: (events, prefix) =>
      everything.encode(
        events.filter(({ frame }) => wanted.has(frameType(frame))),
        prefix,
      ),
  }
}
