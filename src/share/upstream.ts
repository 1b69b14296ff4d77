/** This tab's own connection to the server, which is read while someone needs more. */
import type { Clock } from '../base/clock.ts'
import { isNativeConnected } from '../base/native-connected.ts'
import { createUuid } from '../base/uuid.ts'
import type { Batch, Connect, ConnectRequest, Connection } from '../connect/connect.ts'
import type { FinalOutcome } from './consumer.ts'
import { TAKEOVER_TIMEOUT_MS } from './limits.ts'
import type { UpstreamBatch } from './message.ts'

export interface Upstream {
  /** Whether a connection is open or being opened. */
  readonly isOpen: boolean
  /** The status of the response, if there is one. */
  readonly status: number | undefined
  /** A batch without blocks from the connection. */
  readonly emptyBatch: UpstreamBatch
  /** Opens a connection after `lastEventId`. With `isTakeover`, it must have connected within `TAKEOVER_TIMEOUT_MS`. */
  open(lastEventId: string, options: { isTakeover: boolean }): Promise<void>
  /** Reads while `shouldRead()` returns true. */
  pump(): void
  /** Closes the connection, if there is one. No handler is called for it any more. */
  close(): void
}

export interface UpstreamHandlers {
  /** Returns whether someone needs more. */
  shouldRead(): boolean
  /** Called with the response, whatever its status. */
  onResponse(connection: Connection): void
  onBatch(batch: UpstreamBatch): void
  /** Called when the connection has ended or could not be opened. */
  onEnd(outcome: FinalOutcome): void
  /** Called when a takeover has not connected in time. */
  onTakeoverTimeout(): void
}

interface OwnConnection {
  readonly controller: AbortController
  connection?: Connection
  isReading: boolean
  connectionId: string
  /** Whether the server is native; `undefined` before the first event. */
  native: boolean | undefined
}

/** Adds the connection's ID, and whether its server is native, which its first event decides. */
function toUpstreamBatch(own: OwnConnection, batch: Batch): UpstreamBatch {
  // The `Connect` has opened another connection underneath.
  if (batch.begins) {
    own.connectionId = createUuid()
    own.native = undefined
  }
  const firstEvent = batch.blocks.find(({ data }) => data !== undefined)
  own.native = batch.native ?? own.native ?? (firstEvent && isNativeConnected(firstEvent))
  return { ...batch, native: own.native, connectionId: own.connectionId }
}

export function createUpstream(
  connect: Connect,
  clock: Clock,
  request: ConnectRequest,
  { shouldRead, onResponse, onBatch, onEnd, onTakeoverTimeout }: UpstreamHandlers,
): Upstream {
  let current: OwnConnection | undefined

  const open: Upstream['open'] = async (lastEventId, { isTakeover }) => {
    const own: OwnConnection = {
      controller: new AbortController(),
      isReading: false,
      connectionId: createUuid(),
      native: undefined,
    }
    current = own
    const cancelDeadline = isTakeover
      ? clock.after(TAKEOVER_TIMEOUT_MS, () => current === own && onTakeoverTimeout())
      : undefined
    try {
      const connection = await connect({
        ...request,
        // Another tab may want the comments, even if this one does not.
        wantsComments: true,
        lastEventId: lastEventId || undefined,
        signal: own.controller.signal,
      })
      if (current !== own) return connection.cancel()
      own.connection = connection
      onResponse(connection)
      void pump()
    } catch (error) {
      if (current === own) onEnd({ error })
    } finally {
      cancelDeadline?.()
    }
  }
  const pump = async (): Promise<void> => {
    const own = current
    if (!own?.connection || own.isReading || !shouldRead()) return
    own.isReading = true
    let outcome: FinalOutcome = {}
    const batch = await own.connection.read().catch((error: unknown) => {
      outcome = { error }
      return null
    })
    own.isReading = false
    if (current !== own) return
    if (!batch) return onEnd(outcome)
    onBatch(toUpstreamBatch(own, batch))
    void pump()
  }

  return {
    get isOpen() {
      return !!current
    },
    get status() {
      return current?.connection?.status
    },
    get emptyBatch() {
      return { connectionId: current?.connectionId ?? '', native: current?.native, blocks: [], bytes: 1 }
    },
    open,
    pump: () => void pump(),
    close() {
      current?.connection?.cancel()
      current?.controller.abort()
      current = undefined
    },
  }
}
