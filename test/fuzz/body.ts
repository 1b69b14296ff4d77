/** A body that hands over given chunks when it is asked, in a buffer that it uses again if it may. */
import * as fc from 'fast-check'
import { createReusedBuffer } from './chunks.ts'

/** How a body ends. */
export type BodyEnd = 'close' | 'fail'
export const bodyEnd: fc.Arbitrary<BodyEnd> = fc.constantFrom<BodyEnd>('close', 'fail')

export interface Body<Chunk> {
  stream: ReadableStream<Chunk>
  /** What its reader meets at the end of one that fails. */
  failure: Error
  /** Whether it was let go, or had ended by itself. */
  readonly isClosed: boolean
}

/** Nothing is read ahead: so, when the next chunk is asked for, the last one must not be needed any more. */
export function createBody<Chunk extends Uint8Array | string>(
  chunks: Chunk[],
  end: BodyEnd,
  filler: number,
): Body<Chunk> {
  const lender = createReusedBuffer(filler)
  const failure = new TypeError('terminated')
  let next = 0
  let isClosed = false
  const stream = new ReadableStream<Chunk>(
    {
      pull(controller) {
        lender.overwrite()
        const chunk = chunks[next++]
        if (chunk !== undefined) {
          controller.enqueue(typeof chunk === 'string' ? chunk : (lender.write(chunk) as Chunk))
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

/** The same as a stream of bytes, which fills its reader's buffer where it has one, and litters the rest of it. */
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
        // No further than a parser might see: filling all of it for each byte would take the run's time.
        target.fill(filler, 0, 2 * part.length + 64).set(part)
        request.respond(part.length)
      } else controller.enqueue(chunk.slice())
    },
  })
  return { stream, failure }
}
