/** Registers the cases of one area for each `Connect`. */
import { beforeEach, describe, onTestFinished } from 'vitest'
import type { StreamError } from '../../src/base/errors.ts'
import { type Client, createClient } from '../../src/client/client.ts'
import { fetchConnect } from '../../src/connect/fetch.ts'
import type { ClientOptions, StreamReset } from '../../src/request/options.ts'
import type { StreamState } from '../../src/source/source.ts'
import type { ServerWish } from '../setup/test-server-host.ts'
import { type RemoteServer, openServer } from './test-server.ts'
import { type Subject, subjects } from './transports.ts'
import { type Tap, createTap } from './spy-connect.ts'

/** A server and a client of it, for one test. */
export interface Stage {
  server: RemoteServer
  client: Client
  /** What `onError` heard. */
  errors: StreamError[]
  /** What `onStateChange` heard. */
  states: StreamState[]
  /** What `onReset` heard. */
  resets: StreamReset[]
  /** Another client of the same server, over the same kind of connection. */
  connectAnother(options?: ClientOptions): Client
}

/** Opens a stage, which is closed when the test is over. */
export type OpenStage = (wish?: ServerWish, options?: ClientOptions) => Promise<Stage>

/** Real sockets are waited for, not backoff: tests that are about backoff have a clock of their own. */
const impatient = { delay: 5, jitter: false }

async function openStage(subject: Subject, wish: ServerWish = {}, options: ClientOptions = {}): Promise<Stage> {
  const server = await openServer(wish)
  onTestFinished(() => server.close())
  const errors: StreamError[] = []
  const states: StreamState[] = []
  const resets: StreamReset[] = []
  const connectAnother = (more: ClientOptions = {}): Client => {
    const client = createClient({
      baseUrl: server.url,
      retry: impatient,
      ...(subject.connect && { connect: subject.connect() }),
      onError: (error) => errors.push(error),
      onStateChange: (state) => states.push(state),
      onReset: (reset) => resets.push(reset),
      ...more,
    })
    onTestFinished(() => client.close())
    return client
  }
  return { server, client: connectAnother(options), errors, states, resets, connectAnother }
}

/** Registers `cases`, once for each subject. `tap` makes connections of the subject's kind whose reads can be seen. */
export function registerContract(area: string, cases: (open: OpenStage, tap: () => Tap) => void): void {
  for (const subject of subjects) {
    const open: OpenStage = (wish, options) => openStage(subject, wish, options)
    const tap = (): Tap => createTap(subject.connect?.() ?? fetchConnect())
    describe(`${area} over ${subject.name}`, { timeout: 20_000 }, () => {
      beforeEach(({ task, skip }) => {
        const reason = subject.unable?.[task.name]
        if (reason) skip(reason)
      })
      cases(open, tap)
    })
  }
}
