/** A `Connect` whose responses are scripted by the test, attempt by attempt. */
import { StreamError } from '../../src/base/errors.ts'
import type { Batch, Connect, ConnectRequest, Connection } from '../../src/connect/connect.ts'

/** A block to send. Omitted fields are absent on the wire; the default type is `message`. */
export interface ScriptedBlock {
  type?: string
  data?: string
  id?: string
}

export interface ScriptedConnection {
  /** Delivers these blocks in one batch. */
  send(...blocks: ScriptedBlock[]): void
  /** Delivers a batch with bytes but no blocks, as a comment does. */
  comment(bytes?: number): void
  /** Delivers a batch that contains a reconnection time. */
  retry(ms: number): void
  /** Ends the stream cleanly. */
  end(): void
  /** Breaks the connection. */
  disconnect(error?: unknown): void
  /** Number of pending reads: 1 while the source waits for data, otherwise 0. */
  readonly pendingReads: number
  /** Number of batches not read yet. */
  readonly unreadBatches: number
  readonly cancelled: boolean
  /** The limit passed to `readText()`; `undefined` before the call. */
  readonly problemLimit: number | undefined
}

export interface ScriptedResponse {
  status?: number
  headers?: Record<string, string>
  url?: string
  problem?: string | Promise<string>
}

export interface ScriptedAttempt {
  readonly request: ConnectRequest
  /** Request headers as an object. */
  readonly headers: Record<string, string>
  /** Responds with an event stream by default. */
  respond(response?: ScriptedResponse): ScriptedConnection
  /** Fails the attempt without a response. */
  fail(error?: unknown): void
}

export interface ScriptedNetwork {
  readonly connect: Connect
  readonly attempts: ScriptedAttempt[]
  /** The most recent attempt; throws if there is none. */
  readonly last: ScriptedAttempt
}

/** Creates a scripted network. With `ignoreAbort`, attempts and reads do not end when the signal aborts. */
export function createScriptedNetwork({ ignoreAbort = false } = {}): ScriptedNetwork {
  const attempts: ScriptedAttempt[] = []
  return {
    attempts,
    get last() {
      const last = attempts.at(-1)
      if (!last) throw new Error('No request has been made')
      return last
    },
    connect: (request) =>
      new Promise((resolve, reject) => {
        const { signal } = request
        if (!ignoreAbort) {
          if (signal.aborted) return reject(signal.reason as Error)
          signal.addEventListener('abort', () => reject(signal.reason as Error))
        }
        attempts.push({
          request,
          headers: Object.fromEntries(request.headers),
          respond(response) {
            const { connection, script } = createScriptedConnection(request, response ?? {}, ignoreAbort)
            resolve(connection)
            return script
          },
          fail: (error = new StreamError('network', 'Refused', { retryable: true })) => reject(error),
        })
      }),
  }
}

interface Read {
  resolve(batch: Batch | null): void
  reject(reason: unknown): void
}

function createScriptedConnection(
  request: ConnectRequest,
  {
    status = 200,
    headers = { 'content-type': 'text/event-stream' },
    url = request.url,
    problem = '',
  }: ScriptedResponse,
  ignoreAbort: boolean,
): { connection: Connection; script: ScriptedConnection } {
  const outcomes: ((read: Read) => void)[] = []
  const reads: Read[] = []
  let cancelled = false
  let problemLimit: number | undefined
  const pump = (): void => {
    while (outcomes.length && reads.length) outcomes.shift()!(reads.shift()!)
  }
  const enqueue = (outcome: (read: Read) => void): void => {
    outcomes.push(outcome)
    pump()
  }
  const batch = (next: Batch): void => enqueue(({ resolve }) => resolve(next))
  if (!ignoreAbort)
    request.signal.addEventListener('abort', () => enqueue(({ reject }) => reject(request.signal.reason)))

  return {
    connection: {
      status,
      url,
      headers: new Headers(headers),
      read: () =>
        new Promise((resolve, reject) => {
          if (reads.length) return reject(new Error('read() was called while another read is pending'))
          reads.push({ resolve, reject })
          pump()
        }),
      readText: async (maxBytes) => {
        problemLimit = maxBytes
        return (await problem).slice(0, maxBytes)
      },
      cancel() {
        cancelled = true
      },
    },
    script: {
      send: (...blocks) =>
        batch({
          blocks: blocks.map(({ type = 'message', data, id }) => ({ type, data, id })),
          bytes: blocks.reduce((sum, { data = '' }) => sum + data.length + 8, 0),
        }),
      comment: (bytes = 12) => batch({ blocks: [], bytes }),
      retry: (ms) => batch({ blocks: [], bytes: 12, retry: ms }),
      end: () => enqueue(({ resolve }) => resolve(null)),
      disconnect: (error = new StreamError('network', 'Cut', { retryable: true })) =>
        enqueue(({ reject }) => reject(error)),
      get pendingReads() {
        return reads.length
      },
      get unreadBatches() {
        return outcomes.length
      },
      get cancelled() {
        return cancelled
      },
      get problemLimit() {
        return problemLimit
      },
    },
  }
}
