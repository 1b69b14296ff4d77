/** The replay buffer: keeps the newest blocks of a stream for members that have missed some. */
import { isNativeConnected } from '../base/native-connected.ts'
import type { Block } from '../sse/parse.ts'

export interface ReplayBuffer {
  /** The `connected` event (PROTOCOL.md, 2.2), if the server has sent one. */
  readonly connectedEvent: Block | undefined
  /** Appends a block, and drops the oldest blocks while a limit is exceeded. */
  push(block: Block): void
  /**
   * Returns the blocks after the event with this ID, without `connected` events; `undefined` if the buffer no longer
   * has all of them.
   */
  blocksAfter(cursor: string): Block[] | undefined
  /**
   * Drops blocks without an id: members that were present have received them, and a new leader cannot tell whether a
   * member that joins later has.
   */
  dropBlocksWithoutId(): void
  /** Empties the buffer. `baseCursor` is the position before the next block: empty at the stream's start, `undefined` if unknown. */
  reset(baseCursor: string | undefined): void
}

/** Maximum number of blocks that are kept, and of characters in them. The newest block is kept whatever its size. */
const MAX_REPLAY_BLOCKS = 1_024
const MAX_REPLAY_CHARS = 0x100000

/** Returns the size of a block in characters. */
export function blockChars({ type, data = '', id = '' }: Block): number {
  return type.length + data.length + id.length
}

/** Returns the blocks after the last block with this id; `undefined` if no block has this id. */
export function sliceAfter(blocks: readonly Block[], cursor: string): Block[] | undefined {
  for (let index = blocks.length; index-- > 0;) if (blocks[index]!.id === cursor) return blocks.slice(index + 1)
  return undefined
}

/** Returns whether a block is a native `connected` event with a position. */
function isConnectedEvent(block: Block): boolean {
  return !!block.id && isNativeConnected(block)
}

export function createReplayBuffer(baseCursor: string | undefined): ReplayBuffer {
  let blocks: Block[] = []
  let chars = 0
  let connectedEvent: Block | undefined
  const clear = (cursorBefore: string | undefined): void => {
    baseCursor = cursorBefore
    blocks = []
    chars = 0
  }

  return {
    get connectedEvent() {
      return connectedEvent
    },
    push(block) {
      // Cursors from before a `reset` are invalid.
      if (block.type === 'reset') clear(undefined)
      if (isConnectedEvent(block)) connectedEvent = block
      blocks.push(block)
      chars += blockChars(block)
      while (blocks.length > 1 && (chars > MAX_REPLAY_CHARS || blocks.length > MAX_REPLAY_BLOCKS)) {
        const oldest = blocks.shift()!
        chars -= blockChars(oldest)
        baseCursor = oldest.id || undefined
      }
    },
    blocksAfter: (cursor) =>
      ((cursor && sliceAfter(blocks, cursor)) || (cursor === baseCursor ? blocks : undefined))?.filter(
        (block) => !isConnectedEvent(block),
      ),
    dropBlocksWithoutId() {
      const kept = blocks.filter(({ id }) => id !== undefined)
      clear(baseCursor || undefined)
      kept.forEach(this.push)
    },
    reset(cursorBefore) {
      clear(cursorBefore)
      connectedEvent = undefined
    },
  }
}
