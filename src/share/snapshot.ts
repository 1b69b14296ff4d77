/** What a leader sends to a member that has missed something. */
import type { MemberPosition, UpstreamBatch } from './message.ts'
import { type ReplayBuffer, blockChars } from './replay-buffer.ts'

/**
 * Returns the batches that a member has missed, so that the last one comes from the leader's connection, of which
 * `emptyBatch` is a batch without blocks; `undefined` if the leader does not have all of them.
 */
export function collectMissedBatches(
  { batchesAfter, connectedEvent, connectionId = '', cursor }: ReplayBuffer,
  member: MemberPosition,
  emptyBatch: UpstreamBatch,
): UpstreamBatch[] | undefined {
  const batches = batchesAfter(member)
  if (!batches) return undefined
  if (!member.hasResponse && connectedEvent) {
    const block = { ...connectedEvent, id: member.cursor || cursor }
    if (!batches.length) batches.push({ connectionId, native: true, blocks: [], bytes: 1 })
    batches[0]!.blocks.unshift(block)
    batches[0]!.bytes += blockChars(block)
  }
  if (batches.at(-1)?.connectionId !== emptyBatch.connectionId) batches.push(emptyBatch)
  return batches
}
