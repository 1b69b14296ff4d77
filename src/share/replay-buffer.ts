/** The newest blocks of a stream, so that who has missed a few can be given them. */
import type { Block } from '../sse/parse.ts'

export interface ReplayBuffer {
  /** What a server says to each client first (PROTOCOL.md, 2.2), where it has said so. */
  readonly connectedEvent: Block | undefined
  push(block: Block): void
  /** What came after the event with this id; `undefined`: no longer known. Greetings are left out. */
  blocksAfter(cursor: string): Block[] | undefined
  /** Leaves out what has no id: a new leader can't tell who has had it, and whoever was there has. */
  dropBlocksWithoutId(): void
  /** Begins anew, after `base`; empty: with the first block there is; `undefined`: nobody knows where. */
  reset(baseCursor: string | undefined): void
}

/** How many blocks, and how many characters of them, are kept. The newest block is kept whatever its size. */
const MAX_REPLAY_BLOCKS = 1_024
const MAX_REPLAY_CHARS = 0x100000

export function blockChars({ type, data = '', id = '' }: Block): number {
  return type.length + data.length + id.length
}

/** The blocks behind the last one with this id. */
export function sliceAfter(blocks: readonly Block[], cursor: string): Block[] | undefined {
  for (let index = blocks.length; index-- > 0;) if (blocks[index]!.id === cursor) return blocks.slice(index + 1)
  return undefined
}

/** Our own protocol's; somebody else's `connected` is an event like any other. */
function isConnectedEvent({ type, data = '', id }: Block): boolean {
  return type === 'connected' && !!id && /"protocol":\s*1\D/.test(data)
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
      // Positions before it mean nothing any more.
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
