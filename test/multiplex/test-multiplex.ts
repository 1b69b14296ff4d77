/** A multiplexed `Connect` over a network that the test answers for: carriers, and requests with operations. */
import { onTestFinished, vi } from 'vitest'
import type { StreamError } from '../../src/base/errors.ts'
import type { Connect, ConnectRequest, Connection } from '../../src/connect/connect.ts'
import { type MultiplexOptions, multiplex } from '../../src/multiplex.ts'
import { type ManualClock, createManualClock } from '../support/manual-clock.ts'
import {
  type Answer,
  type ScriptedAttempt,
  type ScriptedBlock,
  type ScriptedConnection,
  createScriptedNetwork,
} from '../support/scripted-connect.ts'
import { settled } from '../support/flush-microtasks.ts'

/** An operation as the server sees it. */
export interface SeenOperation {
  op: string
  key: string
  [field: string]: unknown
}

export interface Rig {
  connect: Connect
  clock: ManualClock
  /** What `onError` heard. */
  errors: StreamError[]
  /** Requests for carriers, and for what is not carried. */
  readonly gets: ScriptedAttempt[]
  /** Requests with operations. */
  readonly posts: ScriptedAttempt[]
  /** Operations of all posts so far. */
  readonly operations: SeenOperation[]
  /** How posts are answered from now on. @defaultValue 202 */
  answerPosts(how: Answer | 'hang' | Error): void
  /** Asks for a stream; it waits for its answer. */
  ask(request?: Partial<ConnectRequest>): Asked
  /** Answers the newest request for a carrier, and says which channel it is. */
  carry(hello?: Record<string, unknown>): Promise<ScriptedConnection>
  /** Opens a carrier, and `count` streams on it. */
  open(
    count?: number,
    request?: Partial<ConnectRequest>,
  ): Promise<{ carrier: ScriptedConnection; streams: Connection[]; asked: Asked[] }>
}

export interface Asked {
  connection: Promise<Connection>
  controller: AbortController
}

/** A control event. */
export const control = (key: number | string, type: string, value: unknown): ScriptedBlock => ({
  type,
  id: `${key}!`,
  data: typeof value === 'string' ? value : JSON.stringify(value),
})

/** The answer of an event stream. */
export const opened = (key: number | string, more: Record<string, unknown> = {}): ScriptedBlock =>
  control(key, 'open', { status: 200, headers: { 'content-type': 'text/event-stream' }, url: '/stream', ...more })

/** A promise that has not settled stays `pending`. */
export async function stateOf(promise: Promise<unknown>): Promise<string> {
  let state = 'pending'
  promise.then(
    () => (state = 'resolved'),
    () => (state = 'rejected'),
  )
  await settled()
  return state
}

export function createRig(options: Partial<MultiplexOptions> = {}, channel = 'https://api.test/channel'): Rig {
  const clock = createManualClock()
  const network = createScriptedNetwork()
  const errors: StreamError[] = []
  let posting: Answer | 'hang' | Error = { status: 202 }
  const isPost = ({ request }: ScriptedAttempt): boolean => /\/ops(\?|$)/.test(request.url)
  const lower: Connect = (request) => {
    const connecting = network.connect(request)
    const attempt = network.attempts.find((one) => one.request === request)
    if (attempt && isPost(attempt)) {
      if (posting instanceof Error) attempt.refuse(posting)
      else if (posting !== 'hang') attempt.answer(posting)
    }
    return connecting
  }
  const connect = multiplex(channel, { connect: lower, clock, onError: (error) => errors.push(error), ...options })
  const unhandled = vi.fn()
  process.on('unhandledRejection', unhandled)
  onTestFinished(async () => {
    await settled()
    process.off('unhandledRejection', unhandled)
    if (unhandled.mock.calls.length > 0) throw unhandled.mock.calls[0]![0]
  })

  const rig: Rig = {
    connect,
    clock,
    errors,
    get gets() {
      return network.attempts.filter((attempt) => !isPost(attempt))
    },
    get posts() {
      return network.attempts.filter(isPost)
    },
    get operations() {
      return rig.posts.flatMap(({ request }) => (JSON.parse(request.body as string) as { ops: SeenOperation[] }).ops)
    },
    answerPosts(how) {
      posting = how
    },
    ask(request) {
      const controller = new AbortController()
      const connection = connect({
        url: 'https://api.test/stream',
        method: 'GET',
        headers: [['accept', 'text/event-stream']],
        credentials: [],
        maxEventSize: 1_000_000,
        signal: controller.signal,
        ...request,
      })
      connection.catch(() => {}) // looked at later
      return { connection, controller }
    },
    async carry(hello = { channelId: 'c' }) {
      await settled()
      const carrier = rig.gets.at(-1)!.answer()
      carrier.send({ type: 'channel', data: JSON.stringify(hello) })
      await settled()
      return carrier
    },
    async open(count = 1, request) {
      const asked = Array.from({ length: count }, () => rig.ask(request))
      const carrier = await rig.carry()
      carrier.send(...asked.map((_, index) => opened(index + 1)))
      return { carrier, asked, streams: await Promise.all(asked.map(({ connection }) => connection)) }
    },
  }
  return rig
}
