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

/**
 * Creates a server. Event IDs count from 1; each connection starts with a `connected` event (PROTOCOL.md, 2.2), and
 * each read returns at most `batch` log events.
 */
export function createLogServer({ batch = 5 } = {}): LogServer {
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
      let position = request.lastEventId ? Number(request.lastEventId) : log.length
      let connectedSent = false
      let waiting: ((result: Batch | Error) => void) | undefined
      let broken = false
      const next = (): Batch | Error | undefined => {
        if (broken) return new StreamError('network', 'Connection broken by the test', { retryable: true })
        const blocks = connectedSent ? [] : [{ type: 'connected', data: '{"protocol":1}', id: `${position}` }]
        const events = log.slice(position, position + batch)
        if (connectedSent && !events.length) return undefined
        connectedSent = true
        position += events.length
        const all = [...blocks, ...events.map(({ id, data }) => ({ type: 'message', data, id: `${id}` }))]
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
