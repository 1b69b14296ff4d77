/** A body that hands over given chunks when it is asked, in a buffer that it uses again if it may. */
import * as fc from 'fast-check'
import { createLender } from './chunks.ts'

/** How a body ends. */
export type Ending = 'close' | 'fail'
export const ending: fc.Arbitrary<Ending> = fc.constantFrom<Ending>('close', 'fail')

export interface Body<Chunk> {
  stream: ReadableStream<Chunk>
  /** What its reader meets at the end of one that fails. */
  failure: Error
  /** Whether it was let go, or had ended by itself. */
  readonly over: boolean
}

/** Nothing is read ahead: so, when the next chunk is asked for, the last one must not be needed any more. */
export function createBody<Chunk extends Uint8Array | string>(chunks: Chunk[], end: Ending, filler: number): Body<Chunk> {
  const lender = createLender(filler)
  const failure = new TypeError('terminated')
  let next = 0
  let over = false
  const stream = new ReadableStream<Chunk>(
    {
      pull(controller) {
        lender.takeBack()
        const chunk = chunks[next++]
        if (chunk !== undefined) {
          controller.enqueue(typeof chunk === 'string' ? chunk : (lender.lend(chunk) as Chunk))
          return
        }
        over = true
        if (end === 'fail') controller.error(failure)
        else controller.close()
      },
      cancel: () => void (over = true),
    },
    { highWaterMark: 0 },
  )
  return {
    stream,
    failure,
    get over() {
      return over
    },
  }
}
