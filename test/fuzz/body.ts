/** Response bodies that deliver given chunks on demand, in a reused buffer if the stream type allows it. */
import * as fc from 'fast-check'
import { createReusedBuffer } from './chunks.ts'

/** How a body ends. */
export type BodyEnd = 'close' | 'fail'
export const bodyEnd: fc.Arbitrary<BodyEnd> = fc.constantFrom<BodyEnd>('close', 'fail')

export interface Body<Chunk> {
  stream: ReadableStream<Chunk>
  /** The error with which a failing body ends. */
  failure: Error
  /** Whether the body was cancelled or has ended. */
  readonly isClosed: boolean
}

/** Creates a body without read-ahead: a pull means that the previous chunk is no longer needed, so its buffer is overwritten. */
export function createBody<Chunk extends Uint8Array | string>(
  chunks: Chunk[],
  end: BodyEnd,
  filler: number,
): Body<Chunk> {
  const buffer = createReusedBuffer(filler)
  const failure = new TypeError('terminated')
  let next = 0
  let isClosed = false
  const stream = new ReadableStream<Chunk>(
    {
      pull(controller) {
        buffer.overwrite()
        const chunk = chunks[next++]
        if (chunk !== undefined) {
          controller.enqueue(typeof chunk === 'string' ? chunk : (buffer.write(chunk) as Chunk))
          return
        }
        isClosed = true
        if (end === 'fail') controller.error(failure)
        else controller.close()
      },
      cancel: () => void (isClosed = true),
    },
    { highWaterMark: 0 },
  )
  return {
    stream,
    failure,
    get isClosed() {
      return isClosed
    },
  }
}

/**
 * Like `createBody`, but creates a byte stream: it writes to a BYOB reader's buffer, and fills some of the remaining
 * space with the filler.
 */
export function createByteBody(chunks: Uint8Array[], end: BodyEnd, filler: number): Omit<Body<Uint8Array>, 'isClosed'> {
  const failure = new TypeError('terminated')
  const remainingChunks = chunks.filter(({ length }) => length)
  const stream = new ReadableStream({
    type: 'bytes',
    pull(controller) {
      const request = controller.byobRequest
      const view = request?.view
      const chunk = remainingChunks.shift()
      if (!chunk) {
        if (end === 'fail') return controller.error(failure)
        controller.close()
        request?.respond(0)
      } else if (view) {
        const target = new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
        const part = chunk.subarray(0, target.length)
        if (part.length < chunk.length) remainingChunks.unshift(chunk.subarray(part.length))
        // Fills only what a parser could read by mistake: filling the whole buffer for each byte would be too slow.
        target.fill(filler, 0, 2 * part.length + 64).set(part)
        request.respond(part.length)
      } else controller.enqueue(chunk.slice())
    },
  })
  return { stream, failure }
}
