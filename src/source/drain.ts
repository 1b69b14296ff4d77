/** Reads the rest of a connection whose stream is complete, so that it can be used for other requests. */
import type { Clock } from '../base/clock.ts'
import type { Batch, Connection } from '../connect/connect.ts'

/** Milliseconds that the connection of a finished stream may take to end. */
const DRAIN_TIMEOUT_MS = 1_000

/** Reads `connection` to its end, after `pendingRead` if there is one. After the timeout, aborts `controller`. */
export function drain(
  connection: Connection,
  pendingRead: Promise<Batch | null> | undefined,
  clock: Clock,
  controller: AbortController,
): void {
  const cancelTimeout = clock.after(DRAIN_TIMEOUT_MS, () => {
    connection.cancel()
    controller.abort()
  })
  const onDrained = (): void => {
    cancelTimeout()
    connection.cancel()
  }
  const readOn = (batch: Batch | null): unknown => (batch ? connection.read().then(readOn) : onDrained())
  const firstRead = pendingRead ?? connection.read()
  firstRead.then(readOn).catch(onDrained)
}
