/** The last event ID of a stream: from where the next connection continues. */

/**
 * Why an event does not count as new. `handshake`: the server sends it on every connection; `duplicate`: an earlier
 * connection received it; `reset`: the server starts a new sequence of IDs.
 */
export type Disposition = 'handshake' | 'duplicate' | 'reset'

/**
 * Returns the last event ID after a block with `ownId` (`undefined`: the block has none).
 *
 * A handshake or a duplicate does not replace an ID: if this connection starts at another position and breaks before it
 * delivers `reset`, the next one must still request the old position. A `reset` without an ID leads to the position of
 * the connection's handshake, `handshakeId`.
 */
export function nextLastEventId(
  current: string,
  ownId: string | undefined,
  disposition?: Disposition,
  handshakeId?: string,
): string {
  if (disposition === 'reset') return ownId ?? handshakeId ?? current
  if (ownId === undefined || (disposition && current)) return current
  return ownId
}
