/** The protocol of any finite event stream: each event is a delta, and the end of the connection ends the run. */
import type { Protocol, ProtocolEvent } from './protocol.ts'

/**
 * Returns a protocol for any finite event stream: each event is a delta, and the end of the connection ends the run.
 *
 * @example
 * ```ts
 * const run = client.stream('/log', { protocol: rawEvents() })
 * for await (const { type, data } of run) console.log(type, data)
 * ```
 */
export function rawEvents(): Protocol<ProtocolEvent> {
  return {
    eof: 'end',
    map: (event) => ({ type: 'delta', delta: event }),
    text: ({ data }) => data,
  }
}
