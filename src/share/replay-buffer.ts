/** The newest blocks of a stream, so that who has missed a few can be given them. */
import type { Block } from '../sse/parse.ts'

export interface Ring {
  /** What a server says to each client first (PROTOCOL.md, 2.2), where it has said so. */
  readonly greeting: Block | undefined
  push(block: Block): void
  /** What came after the event with this id; `undefined`: no longer known. Greetings are left out. */
  after(cursor: string): Block[] | undefined
  /** Leaves out what has no id: a new leader can't tell who has had it, and whoever was there has. */
  forget(): void
  /** Begins anew, after `base`; empty: with the first block there is; `undefined`: nobody knows where. */
  reset(base: string | undefined): void
}

/** How many blocks, and how many characters of them, are kept. The newest block is kept whatever its size. */
const BLOCKS = 1_024
const SIZE = 0x100000

export function sizeOf({ type, data = '', id = '' }: Block): number {
  return type.length + data.length + id.length
}

/** The blocks behind the last one with this id. */
export function sliceAfter(blocks: readonly Block[], cursor: string): Block[] | undefined {
  for (let index = blocks.length; index-- > 0;) if (blocks[index]!.id === cursor) return blocks.slice(index + 1)
  return undefined
}

/** Our own protocol's; somebody else's `connected` is an event like any other. */
function isGreeting({ type, data = '', id }: Block): boolean {
  return type === 'connected' && !!id && /"protocol":\s*1\D/.test(data)
}

export function createRing(base: string | undefined): Ring {
  let blocks: Block[] = []
  let size = 0
  let greeting: Block | undefined
  const clear = (start: string | undefined): void => {
    base = start
    blocks = []
    size = 0
  }

  return {
    get greeting() {
      return greeting
    },
    push(block) {
      // Positions before it mean nothing any more.
      if (block.type === 'reset') clear(undefined)
      if (isGreeting(block)) greeting = block
      blocks.push(block)
      size += sizeOf(block)
      while (blocks.length > 1 && (size > SIZE || blocks.length > BLOCKS)) {
        const oldest = blocks.shift()!
        size -= sizeOf(oldest)
        base = oldest.id || undefined
      }
    },
    after: (cursor) =>
      ((cursor && sliceAfter(blocks, cursor)) || (cursor === base ? blocks : undefined))?.filter(
        (block) => !isGreeting(block),
      ),
    forget() {
      const kept = blocks.filter(({ id }) => id !== undefined)
      clear(base || undefined)
      kept.forEach(this.push)
    },
    reset(start) {
      clear(start)
      greeting = undefined
    },
  }
}
