/** The replay buffer: keeps the newest blocks that a member has received, for members that have missed some. */
import { isNativeConnected } from '../base/native-connected.ts'
import type { Block } from '../sse/parse.ts'
import { createIdHistory } from './id-history.ts'
import type { MemberPosition, Position, UpstreamBatch } from './message.ts'

export interface ReplayBuffer {
  /** The last event ID. */
  readonly cursor: string
  /** Where this member is. */
  readonly position: Position | undefined
  readonly cursorEvent: Block | undefined
  /** The newest `connected` event (PROTOCOL.md, 2.2); `undefined` unless the server is native. */
  readonly connectedEvent: Block | undefined
  /** The connection to the server from which the newest batch came; `undefined` if there is none. */
  readonly connectionId: string | undefined
  /** Whether the IDs of a third-party server were seen to repeat. */
  readonly idsRepeat: boolean
  /** Records that another member has seen IDs repeat. */
  markIdsRepeat(): void
  /** Appends the blocks of a batch, and drops the oldest blocks while a limit is exceeded. */
  push(batch: UpstreamBatch, position?: Position): void
  /** Starts the epoch of this member as the leader, at `position`. */
  startEpoch(position: Position): void
  /**
   * Returns the blocks that a member has missed, in one batch per connection to the server; `undefined` if the buffer
   * does not have all of them.
   */
  batchesAfter(member: MemberPosition): UpstreamBatch[] | undefined
}

/** The blocks of one batch, and the positions after it: batches without blocks share one entry. */
interface Entry {
  readonly connectionId: string
  native: boolean | undefined
  readonly blocks: Block[]
  readonly epoch: number | undefined
  readonly firstSequence: number
  lastSequence: number
}

/** Maximum number of blocks that are kept, and of characters in them. The newest block is kept whatever its size. */
const MAX_REPLAY_BLOCKS = 1_024
const MAX_REPLAY_CHARS = 0x100000

/** Returns the size of a block in characters. */
export function blockChars({ type, data = '', id = '' }: Block): number {
  return type.length + data.length + id.length
}

/** Returns what follows the last block with this id; `undefined` if no block has this id. */
export function sliceAfter<Batch extends { readonly blocks: readonly Block[] }>(
  batches: readonly Batch[],
  cursor: string,
): Batch[] | undefined {
  for (let index = batches.length; index-- > 0;) {
    const batch = batches[index]!
    for (let after = batch.blocks.length; after > 0; after--)
      if (batch.blocks[after - 1]!.id === cursor)
        return [{ ...batch, blocks: batch.blocks.slice(after) }, ...batches.slice(index + 1)]
  }
  return undefined
}

/** Returns the blocks as one batch per connection. */
function toBatches(entries: readonly Entry[]): UpstreamBatch[] {
  const batches: UpstreamBatch[] = []
  for (const { connectionId, native, blocks } of entries) {
    if (!blocks.length) continue
    let batch = batches.at(-1)
    if (batch?.connectionId !== connectionId) {
      batch = { connectionId, blocks: [], bytes: 1 }
      batches.push(batch)
    }
    batch.native = native
    batch.blocks.push(...blocks)
    for (const block of blocks) batch.bytes += blockChars(block)
  }
  return batches
}

/** Creates a replay buffer; `initialCursor` is the position before the first block, and empty at the stream's start. */
export function createReplayBuffer(initialCursor: string): ReplayBuffer {
  const ids = createIdHistory()
  const entries: Entry[] = []
  const size = { blocks: 0, chars: 0 }
  let cursor = initialCursor
  /** What precedes the first block: the cursor, `undefined` if unknown, and the event that was dropped last. */
  let base: { cursor: string | undefined; event?: Block } = { cursor: initialCursor }
  let connectedEvent: Block | undefined

  const dropOldest = (): void => {
    const block = entries[0]!.blocks.shift()
    if (!block) return void entries.shift()
    size.blocks--
    size.chars -= blockChars(block)
    if (base.event) ids.delete(base.event)
    base = { cursor: block.id || undefined, event: block }
  }
  const pushNativeBlock = (entry: Entry, block: Block): void => {
    const { type, id } = block
    if (isNativeConnected(block)) {
      if (id) connectedEvent = block
      // It does not replace the requested cursor, even if its id is later: only a `reset` event invalidates that cursor.
      cursor ||= id ?? ''
    } else if (type === 'reset') {
      // Cursors from before a `reset` are invalid.
      while (entries.length) dropOldest()
      entries.push(entry)
      base = { ...base, cursor: undefined }
      cursor = id ?? connectedEvent?.id ?? cursor
    } else cursor = id ?? cursor
  }
  const push = ({ connectionId, native, blocks }: UpstreamBatch, position?: Position): void => {
    let entry = entries.at(-1)
    if (blocks.length || entry?.connectionId !== connectionId || entry.epoch !== position?.epoch) {
      const sequence = position?.sequence ?? 0
      entry = {
        connectionId,
        native,
        blocks: [],
        epoch: position?.epoch,
        firstSequence: sequence,
        lastSequence: sequence,
      }
      entries.push(entry)
    }
    entry.native = native
    entry.lastSequence = position?.sequence ?? 0
    if (native === false) connectedEvent = undefined
    for (const block of blocks) {
      if (native) pushNativeBlock(entry, block)
      else {
        cursor = block.id ?? cursor
        ids.add(block)
      }
      entry.blocks.push(block)
      size.blocks++
      size.chars += blockChars(block)
    }
    while (
      entries.length > MAX_REPLAY_BLOCKS ||
      (size.blocks > 1 && (size.blocks > MAX_REPLAY_BLOCKS || size.chars > MAX_REPLAY_CHARS))
    )
      dropOldest()
  }
  const entriesAfterPosition = ({ epoch, sequence }: Position): Entry[] | undefined => {
    for (let index = entries.length; index-- > 0;) {
      const entry = entries[index]!
      if (entry.epoch === epoch && entry.firstSequence <= sequence && sequence <= entry.lastSequence)
        return entries.slice(index + 1)
    }
    return undefined
  }
  /** Drops what a member that is located by its cursor must not receive. */
  const withoutUnlocatable = (missed: readonly Entry[]): Entry[] => {
    const currentEpoch = entries.at(-1)?.epoch
    return missed.map((entry) => ({
      ...entry,
      blocks: entry.blocks.filter((block) => {
        // It describes the position of another member.
        if (entry.native && isNativeConnected(block)) return false
        // Members that were present have received the events without an id that an earlier leader sent. Whether this
        // member was present is unknown.
        return block.id !== undefined || entry.epoch === currentEpoch
      }),
    }))
  }

  return {
    get cursor() {
      return cursor
    },
    get position() {
      const { epoch, lastSequence: sequence = 0 } = entries.at(-1) ?? {}
      return epoch === undefined ? undefined : { epoch, sequence }
    },
    get cursorEvent() {
      return ids.find(cursor)
    },
    get connectedEvent() {
      return connectedEvent
    },
    get connectionId() {
      return entries.at(-1)?.connectionId
    },
    get idsRepeat() {
      return ids.hasRepeats
    },
    markIdsRepeat: ids.markRepeats,
    push,
    startEpoch(position) {
      const { connectionId = '', native } = entries.at(-1) ?? {}
      // Only the stream's first leader has all blocks from the stream's start.
      if (entries.length) base.cursor ||= undefined
      push({ connectionId, native, blocks: [], bytes: 1 }, position)
    },
    batchesAfter({ cursor: after, position, cursorEvent, hasResponse }) {
      const missed = position && entriesAfterPosition(position)
      if (missed) return toBatches(missed)
      if (!after) {
        // A member that has received something could be anywhere.
        if (hasResponse) return undefined
        // A new feed of a native server starts with the `connected` event, at the current position.
        if (connectedEvent) return []
        if (base.cursor === '') return toBatches(withoutUnlocatable(entries))
      }
      if (cursorEvent) ids.compare(cursorEvent)
      // Where IDs say nothing, a new member starts with the next event, as it would on a connection of its own.
      if (ids.hasRepeats) return hasResponse ? undefined : []
      if (!after) return undefined
      const found = sliceAfter(entries, after) ?? (after === base.cursor ? entries : undefined)
      return found && toBatches(withoutUnlocatable(found))
    },
  }
}
