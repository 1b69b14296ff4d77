/** Splits batches at their comments, so that `onComment` is called in wire order. */
import type { Batch } from '../connect/connect.ts'

/** Yields the parts of a batch, each with the comment that follows it, if any. */
export function* splitAtComments(batch: Batch): Generator<{ batch: Batch; comment?: string }> {
  const { blocks, comments = [] } = batch
  let start = 0
  let rest: Batch = batch
  for (const { position, text } of comments) {
    yield { batch: { ...rest, blocks: blocks.slice(start, position) }, comment: text }
    start = position
    // The first part has counted the bytes, and has begun the connection.
    rest = { blocks: [], bytes: 0, native: batch.native }
  }
  yield { batch: { ...rest, blocks: blocks.slice(start) } }
}
