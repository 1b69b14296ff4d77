/** The connection that this tab's consumer reads: its response, its inbox, its pending read and its final outcome. */
import type { Batch, Connection } from '../connect/connect.ts'

/** How a connection ends: cleanly, or with an error. */
export type FinalOutcome = { error?: unknown }

export interface Consumer {
  /** Resolves once there is a response; rejects if the stream ends with an error before. */
  readonly connection: Promise<Connection>
  /** Whether the consumer has a response. */
  readonly hasResponse: boolean
  /** Whether the consumer waits for a batch. */
  readonly isWaiting: boolean
  /** Whether the inbox is empty. */
  readonly isEmpty: boolean
  /** Number of bytes in the inbox. */
  readonly bufferedBytes: number
  /** Gives the response to the consumer. */
  respond(response: Omit<Connection, 'read' | 'cancel'>): void
  /** Adds a batch to the inbox. */
  deliver(batch: Batch): void
  /** Delivers what is in the inbox, then ends. */
  finish(outcome: FinalOutcome): void
}

export interface ConsumerHandlers {
  /** Called when the consumer waits for a batch and the inbox is empty. */
  onWaiting(): void
  /** Called when the consumer has taken a batch with this number of bytes. */
  onRead(bytes: number): void
  /** Called when the consumer cancels the connection. */
  onCancel(): void
}

export function createConsumer({ onWaiting, onRead, onCancel }: ConsumerHandlers): Consumer {
  const inbox: Batch[] = []
  let bufferedBytes = 0
  let hasResponse = false
  let pendingRead: { resolve(batch: Batch | null): void; reject(error: unknown): void } | undefined
  let finalOutcome: FinalOutcome | undefined
  let pendingConnection!: { resolve(connection: Connection): void; reject(error: unknown): void }
  const connection = new Promise<Connection>((resolve, reject) => (pendingConnection = { resolve, reject }))

  /** Settles the pending read, if there is a batch or a final outcome for it. */
  const serveRead = (): void => {
    if (!pendingRead) return
    const batch = inbox.shift()
    if (!batch && !finalOutcome) return onWaiting()
    const { resolve, reject } = pendingRead
    pendingRead = undefined
    if (batch) {
      bufferedBytes -= batch.bytes
      onRead(batch.bytes)
      resolve(batch)
    } else if (finalOutcome && 'error' in finalOutcome) reject(finalOutcome.error)
    else resolve(null)
  }
  const read = (): Promise<Batch | null> =>
    new Promise((resolve, reject) => {
      pendingRead = { resolve, reject }
      serveRead()
    })

  return {
    connection,
    get hasResponse() {
      return hasResponse
    },
    get isWaiting() {
      return !!pendingRead && !inbox.length
    },
    get isEmpty() {
      return !inbox.length
    },
    get bufferedBytes() {
      return bufferedBytes
    },
    respond(response) {
      hasResponse = true
      pendingConnection.resolve({ ...response, read, cancel: onCancel })
    },
    deliver(batch) {
      inbox.push(batch)
      bufferedBytes += batch.bytes
      serveRead()
    },
    finish(outcome) {
      finalOutcome = outcome
      if (!hasResponse) pendingConnection.reject(outcome.error)
      serveRead()
    },
  }
}
