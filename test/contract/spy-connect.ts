/** A `Connect` whose reads a test can see: comments, for one, are seen nowhere else. */
import type { Batch, Connect } from '../../src/connect/connect.ts'

export interface SpyConnect {
  /** The same connections. */
  readonly connect: Connect
  /** What was read, on all of them. */
  readonly batches: Batch[]
}

export function createSpyConnect(connect: Connect): SpyConnect {
  const batches: Batch[] = []
  return {
    batches,
    async connect(request) {
      const connection = await connect(request)
      return {
        ...connection,
        async read() {
          const batch = await connection.read()
          if (batch) batches.push(batch)
          return batch
        },
      }
    },
  }
}
