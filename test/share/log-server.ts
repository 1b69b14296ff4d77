/** An in-memory feed server: any number of connections read one event log, and the test can break them. */
import { StreamError } from '../../src/base/errors.ts'
import type { Batch, Connect, ConnectRequest } from '../../src/connect/connect.ts'

export interface LogServer {
  readonly connect: Connect
  /** All requests so far. */
  readonly requests: ConnectRequest[]
  /** Number of open connections. */
  readonly openConnections: number
  /** Returns the largest number of connections open at once since the last call. */
  takePeakConnections(): number
  /** Adds `count` events to the log, each with a payload of at least `size` characters. */
  send(count?: number, size?: number): void
  /** Breaks every connection. */
  cut(): void
}

/** How a third-party server numbers its events: per connection, with one ID for all, with seconds, or not at all. */
export type ThirdPartyIds = 'per connection' | 'constant' | 'seconds' | 'absent'

/** Returns the ID of event `number` of the log, which is event `count` of its connection. */
function thirdPartyId(ids: ThirdPartyIds, number: number, count: number): string | undefined {
  if (ids === 'absent') return undefined
  return { 'per connection': `${count}`, constant: 'same', seconds: `${Math.ceil(number / 3)}` }[ids]
}

/**
 * Creates a server. Event IDs count from 1; each connection starts with a `connected` event (PROTOCOL.md, 2.2), and
 * each read returns at most `batch` log events. With `thirdPartyIds`, the server is a third-party server: it sends neither
 * `connected` nor earlier events.
 */
export function createLogServer({ batch = 5, thirdPartyIds = undefined as ThirdPartyIds | undefined } = {}): LogServer {
  const log: { id: number; data: string }[] = []
  const connections = new Set<{ wake(): void; cut(): void }>()
  const requests: ConnectRequest[] = []
  let peakConnections = 0

  return {
    requests,
    get openConnections() {
      return connections.size
    },
    takePeakConnections() {
      const previousPeak = peakConnections
      peakConnections = connections.size
      return previousPeak
    },
    send(count = 1, size = 0) {
      for (let sent = 0; sent < count; sent++) log.push({ id: log.length + 1, data: `${log.length + 1}`.padEnd(size) })
      for (const connection of connections) connection.wake()
    },
    cut() {
      for (const connection of connections) connection.cut()
    },
    async connect(request) {
      requests.push(request)
      await Promise.resolve()
      if (request.signal.aborted) throw request.signal.reason
      let position = request.lastEventId && !thirdPartyIds ? Number(request.lastEventId) : log.length
      const start = position
      let connectedSent = !!thirdPartyIds
      let waiting: ((result: Batch | Error) => void) | undefined
      let broken = false
      const next = (): Batch | Error | undefined => {
        if (broken) return new StreamError('network', 'Connection broken by the test', { retryable: true })
        const blocks = connectedSent ? [] : [{ type: 'connected', data: '{"protocol":1}', id: `${position}` }]
        const events = log.slice(position, position + batch)
        if (connectedSent && !events.length) return undefined
        connectedSent = true
        position += events.length
        const idOf = (id: number): string | undefined =>
          thirdPartyIds ? thirdPartyId(thirdPartyIds, id, id - start) : `${id}`
        const all = [...blocks, ...events.map(({ id, data }) => ({ type: 'message', data, id: idOf(id) }))]
        return { blocks: all, bytes: all.reduce((sum, { data }) => sum + data.length + 10, 0) }
      }
      const wake = (): void => {
        const result = waiting && next()
        if (!result) return
        const settle = waiting!
        waiting = undefined
        settle(result)
      }
      const ownConnection = {
        wake,
        cut() {
          broken = true
          connections.delete(ownConnection)
          wake()
        },
      }
      const cancel = (): void => void connections.delete(ownConnection)
      connections.add(ownConnection)
      peakConnections = Math.max(peakConnections, connections.size)
      request.signal.addEventListener('abort', cancel)
      return {
        status: 200,
        url: request.url,
        headers: new Headers({ 'content-type': 'text/event-stream', 'x-secret': 's3cret' }),
        read: () =>
          new Promise((resolve, reject) => {
            waiting = (result) => (result instanceof Error ? reject(result) : resolve(result))
            wake()
          }),
        readText: async () => '',
        cancel,
      }
    },
  }
}
