/** A multiplexed `Connect` on a scripted network: the test responds to channel requests and operation requests. */
import { onTestFinished, vi } from 'vitest'
import type { StreamError } from '../../src/base/errors.ts'
import type { Connect, ConnectRequest, Connection } from '../../src/connect/connect.ts'
import { type MultiplexOptions, multiplex } from '../../src/multiplex.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { type ManualClock, createManualClock } from '../support/manual-clock.ts'
import {
  type ScriptedResponse,
  type ScriptedAttempt,
  type ScriptedBlock,
  type ScriptedConnection,
  createScriptedNetwork,
} from '../support/scripted-connect.ts'

/** An operation as the server receives it. */
export interface ReceivedOperation {
  op: string
  key: string
  [field: string]: unknown
}

export interface TestMultiplex {
  connect: Connect
  clock: ManualClock
  /** The errors passed to `onError`. */
  errors: StreamError[]
  /** Requests for channels, and for connections outside a channel. */
  readonly channelRequests: ScriptedAttempt[]
  /** Requests with operations. */
  readonly operationRequests: ScriptedAttempt[]
  /** The operations of all requests so far. */
  readonly operations: ReceivedOperation[]
  /** Sets the response to later operation requests. @defaultValue 202 */
  respondToOperations(response: ScriptedResponse | 'hang' | Error): void
  /** Requests a stream, which then waits for its response. */
  requestStream(request?: Partial<ConnectRequest>): StreamRequest
  /** Responds to the newest channel request and sends the `channel` event. */
  openChannel(channelData?: Record<string, unknown>): Promise<ScriptedConnection>
  /** Opens a channel, and `count` streams on it. */
  open(
    count?: number,
    request?: Partial<ConnectRequest>,
  ): Promise<{ channel: ScriptedConnection; streams: Connection[]; requests: StreamRequest[] }>
}

export interface StreamRequest {
  connection: Promise<Connection>
  controller: AbortController
}

/** Returns a control event. */
export const controlEvent = (key: number | string, type: string, value: unknown): ScriptedBlock => ({
  type,
  id: `${key}!`,
  data: typeof value === 'string' ? value : JSON.stringify(value),
})

/** Returns an `open` control event for an event stream. */
export const openEvent = (key: number | string, more: Record<string, unknown> = {}): ScriptedBlock =>
  controlEvent(key, 'open', { status: 200, headers: { 'content-type': 'text/event-stream' }, url: '/stream', ...more })

/** Resolves with the state of a promise after all microtasks: `pending`, `resolved` or `rejected`. */
export async function promiseState(promise: Promise<unknown>): Promise<string> {
  let state = 'pending'
  promise.then(
    () => (state = 'resolved'),
    () => (state = 'rejected'),
  )
  await flushMicrotasks()
  return state
}

export function createTestMultiplex(
  options: Partial<MultiplexOptions> = {},
  channelUrl = 'https://api.test/channel',
): TestMultiplex {
  const clock = createManualClock()
  const network = createScriptedNetwork()
  const errors: StreamError[] = []
  let operationResponse: ScriptedResponse | 'hang' | Error = { status: 202 }
  const isPost = ({ request }: ScriptedAttempt): boolean => /\/ops(\?|$)/.test(request.url)
  const scriptedConnect: Connect = (request) => {
    const connecting = network.connect(request)
    const attempt = network.attempts.find((one) => one.request === request)
    if (attempt && isPost(attempt)) {
      if (operationResponse instanceof Error) attempt.fail(operationResponse)
      else if (operationResponse !== 'hang') attempt.respond(operationResponse)
    }
    return connecting
  }
  const connect = multiplex(channelUrl, {
    connect: scriptedConnect,
    clock,
    onError: (error) => errors.push(error),
    ...options,
  })
  const unhandled = vi.fn()
  process.on('unhandledRejection', unhandled)
  onTestFinished(async () => {
    await flushMicrotasks()
    process.off('unhandledRejection', unhandled)
    if (unhandled.mock.calls.length > 0) throw unhandled.mock.calls[0]![0]
  })

  const testMultiplex: TestMultiplex = {
    connect,
    clock,
    errors,
    get channelRequests() {
      return network.attempts.filter((attempt) => !isPost(attempt))
    },
    get operationRequests() {
      return network.attempts.filter(isPost)
    },
    get operations() {
      return testMultiplex.operationRequests.flatMap(
        ({ request }) => (JSON.parse(request.body as string) as { ops: ReceivedOperation[] }).ops,
      )
    },
    respondToOperations(response) {
      operationResponse = response
    },
    requestStream(request) {
      const controller = new AbortController()
      const connection = connect({
        url: 'https://api.test/stream',
        method: 'GET',
        headers: [['accept', 'text/event-stream']],
        credentialHeaders: [],
        maxEventSize: 1_000_000,
        signal: controller.signal,
        ...request,
      })
      connection.catch(() => {}) // the test examines the promise later
      return { connection, controller }
    },
    async openChannel(channelData = { channelId: 'c' }) {
      await flushMicrotasks()
      const channel = testMultiplex.channelRequests.at(-1)!.respond()
      channel.send({ type: 'channel', data: JSON.stringify(channelData) })
      await flushMicrotasks()
      return channel
    },
    async open(count = 1, request) {
      const requests = Array.from({ length: count }, () => testMultiplex.requestStream(request))
      const channel = await testMultiplex.openChannel()
      channel.send(...requests.map((_, index) => openEvent(index + 1)))
      return { channel, requests, streams: await Promise.all(requests.map(({ connection }) => connection)) }
    },
  }
  return testMultiplex
}
