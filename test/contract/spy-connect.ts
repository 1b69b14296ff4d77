/** A `Connect` wrapper that records every read, including comments, which no other API exposes. */
import type { Batch, Connect } from '../../src/connect/connect.ts'

export interface SpyConnect {
  /** The `Connect` whose reads are recorded. */
  readonly connect: Connect
  /** Batches read so far, across all connections. */
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
