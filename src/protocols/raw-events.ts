/** Any finite event stream: each event is a delta, and the end of the connection is the end of the run. */
import type { Protocol, ProtocolEvent } from './protocol.ts'

/** Takes each event as it is, its data as text. */
export function rawEvents(): Protocol<ProtocolEvent> {
  return {
    eof: 'end',
    map: (event) => [{ type: 'delta', delta: event }],
    text: ({ data }) => data,
  }
}
