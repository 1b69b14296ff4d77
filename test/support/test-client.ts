/** A client with everything injected: its time, its chance, and a network that the test answers for. */
import { type Client, createClient } from '../../src/client/client.ts'
import type { StreamError } from '../../src/base/errors.ts'
import type { ClientOptions, StreamReset } from '../../src/request/options.ts'
import type { StreamState } from '../../src/source/source.ts'
import { type ManualClock, createManualClock } from './manual-clock.ts'
import { type ScriptedConnection, type ScriptedNetwork, createScriptedNetwork } from './scripted-connect.ts'
import { flushMicrotasks } from './flush-microtasks.ts'

export interface TestClient {
  client: Client
  clock: ManualClock
  network: ScriptedNetwork
  /** What `onError` heard. */
  errors: StreamError[]
  /** What `onStateChange` heard. */
  states: StreamState[]
  /** What `onReset` heard. */
  resets: StreamReset[]
  /** Waits for the next attempt's request, and answers it with an event stream. */
  open(): Promise<ScriptedConnection>
}

/** The longest delay that jitter can choose is chosen, so that delays are known. */
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
