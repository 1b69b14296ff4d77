/** The body of a response as a stream of a channel, which carries whole blocks (PROTOCOL.md 5.3). */
import type { Sink, Source } from '../../server/stream/sink.ts'
import { encodeEvent } from '../../src/sse/encode.ts'
import { createBlockParser } from '../../src/sse/parse.ts'
import type { StreamBody } from '../stream/stream-body.ts'

/** Joins the chunks of a body to blocks, as a client would. */
class BlockReader {
  #text = ''
  #error: unknown
  readonly #parser = createBlockParser({
    onBlock: ({ type, data, id }) => this.#add({ ...(type === 'message' ? {} : { type }), data, id }),
    onRetry: (ms) => this.#add({ retry: Math.min(ms, Number.MAX_SAFE_INTEGER) }),
  })

  /**
   * Returns the blocks that are complete.
   * @throws StreamError `too-large`; TypeError if a type contains NUL, which parsers accept and writers do not
   */
  read(bytes: Uint8Array): string {
    this.#text = ''
    this.#parser.push(bytes)
    if (this.#error !== undefined) throw this.#error
    return this.#text
  }

  #add(fields: Parameters<typeof encodeEvent>[0]): void {
    try {
      this.#text += encodeEvent(fields)
    } catch (error) {
      // A callback of the parser must not throw.
      this.#error = error
    }
  }
}

const encoder = new TextEncoder()

/** Creates a source that reads the body as fast as the channel takes it. `onLeave` is called when it is not read any more. */
export function createBodySource({ chunks, connectionCut, endReason }: StreamBody, onLeave: () => void): Source {
  const blocks = new BlockReader()
  let state: 'open' | 'closed' = 'open'
  let onDrained = (): void => undefined
  const close = (): void => {
    if (state === 'closed') return
    state = 'closed'
    onDrained()
    onLeave()
  }
  const isOpen = (): boolean => state === 'open'

  /** Writes the blocks of a chunk. Resolves when the channel has sent them. */
  const writeBlocks = async (sink: Sink, bytes: Uint8Array): Promise<void> => {
    const text = blocks.read(bytes)
    if (text === '' || sink.write(encoder.encode(text)) || !isOpen()) return
    await new Promise<void>((resolve) => (onDrained = resolve))
  }
  const pump = async (sink: Sink): Promise<void> => {
    while (isOpen()) {
      const { value } = await chunks.next()
      if (!isOpen()) return
      if (!value) return sink.end(endReason?.() === 'expired' ? 'expired' : 'done')
      await writeBlocks(sink, value.bytes)
      if (isOpen() && value.cut) return sink.cut()
    }
  }

  return {
    start(sink) {
      const cut = (): void => {
        if (isOpen()) sink.cut()
      }
      if (connectionCut?.aborted) return cut()
      connectionCut?.addEventListener('abort', cut, { once: true })
      pump(sink)
        .catch((error: unknown) => {
          if (isOpen()) sink.cut((error as { code?: unknown }).code === 'too-large' ? 'too-large' : undefined)
        })
        .finally(close)
    },
    drained: () => onDrained(),
    leave: close,
  }
}
