/** What the processes of the cluster and the test agree on. */
import type { StreamKind } from '../../chaos/schedule.ts'

/** The header with the name of a stream, which is the identity of its client as well. */
export const STREAM_HEADER = 'x-stream'

export const HEARTBEAT_MS = 400

/** Nothing is trimmed: whatever a client cannot resume from is lost. */
export const feedOptions = { retention: { events: 100_000, bytes: 64 * 1024 * 1024, age: 600_000 } }

/** Returns the name of a stream, unique in a campaign. */
export const formatStreamName = ({ kind, seed }: { readonly kind: StreamKind; readonly seed: number }): string =>
  `${kind} ${seed}`

export function parseStreamName(name: string): { readonly kind: StreamKind; readonly seed: number } {
  const [kind, seed] = name.split(' ')
  return { kind: kind as StreamKind, seed: Number(seed) }
}
