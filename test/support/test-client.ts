/** A client with an injected clock, randomness and network. */
import type { StreamError } from '../../src/base/errors.ts'
import { type Client, createClient } from '../../src/client/client.ts'
import type { ClientOptions, StreamReset } from '../../src/request/options.ts'
import type { StreamState } from '../../src/source/source.ts'
import { flushMicrotasks } from './flush-microtasks.ts'
import { type ManualClock, createManualClock } from './manual-clock.ts'
import { type ScriptedConnection, type ScriptedNetwork, createScriptedNetwork } from './scripted-connect.ts'

export interface TestClient {
  client: Client
  clock: ManualClock
  network: ScriptedNetwork
  /** Errors reported to `onError`. */
  errors: StreamError[]
  /** States reported to `onStateChange`. */
  states: StreamState[]
  /** Resets reported to `onReset`. */
  resets: StreamReset[]
  /** Waits for the next attempt and responds with an event stream. */
  open(): Promise<ScriptedConnection>
}

/** Creates a test client. Jitter always chooses the longest delay, so that delays are predictable. */
export function createTestClient(options: ClientOptions = {}): TestClient {
  const clock = createManualClock()
  const network = createScriptedNetwork()
  const errors: StreamError[] = []
  const states: StreamState[] = []
  const resets: StreamReset[] = []
  const client = createClient({
    baseUrl: 'https://api.test',
    connect: network.connect,
    clock,
    random: () => 1,
    onError: (error) => errors.push(error),
    onStateChange: (state) => states.push(state),
    onReset: (reset) => resets.push(reset),
    ...options,
  })
  return {
    client,
    clock,
    network,
    errors,
    states,
    resets,
    async open() {
      await flushMicrotasks()
      const connection = network.last.respond()
      await flushMicrotasks()
      return connection
    },
  }
}
