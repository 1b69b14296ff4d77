/** A source whose hooks record their calls. */
import { StreamError } from '../../src/base/errors.ts'
import type { ConnectRequest } from '../../src/connect/connect.ts'
import { type ResponseCheckOptions, assertEventStream } from '../../src/source/check-response.ts'
import { type RetryOptions, nextRetry } from '../../src/source/retry.ts'
import {
  type RawEvent,
  type Source,
  type SourceHooks,
  type SourceOptions,
  type StreamState,
  createSource,
} from '../../src/source/source.ts'
import { flushMicrotasks } from './flush-microtasks.ts'
import { type ManualClock, createManualClock } from './manual-clock.ts'
import { type ScriptedConnection, type ScriptedNetwork, createScriptedNetwork } from './scripted-connect.ts'

type Hooks = Pick<SourceHooks, 'onConnectionEnd' | 'onBatchEnd'>

export interface TestSourceOptions
  extends
    Partial<Hooks>,
    Partial<Omit<SourceOptions, 'clock' | 'connect'>>,
    Partial<Omit<ResponseCheckOptions, 'statusCodes'>> {
  repeatable?: (error: StreamError) => boolean
  random?: () => number
  retry?: RetryOptions
  lastEventId?: string
  ignoreAbort?: boolean
  /** Called after each event is recorded. */
  event?: (event: RawEvent) => void
  /** Called after each state is recorded. */
  changed?: (state: StreamState) => void
  request?: SourceHooks['request']
}

export interface TestSource {
  source: Source
  clock: ManualClock
  network: ScriptedNetwork
  events: RawEvent[]
  /** Size of each batch in bytes, as passed to `onBatchEnd`. */
  flushedBytes: number[]
  states: StreamState[]
  endResults: (StreamError | undefined)[]
  /** Starts the source and responds with an event stream. */
  open(): Promise<ScriptedConnection>
}

/** Creates a test source. Jitter always chooses the longest delay; a clean end is retried, as in a feed. */
export function createTestSource(options: TestSourceOptions = {}): TestSource {
  const {
    retry = {},
    lastEventId,
    ignoreAbort = false,
    event,
    changed,
    onBatchEnd: flush,
    repeatable,
    random = () => 1,
    ...rest
  } = options
  const name = 'GET https://api.test/stream'
  const clock = createManualClock()
  const network = createScriptedNetwork({ ignoreAbort })
  const events: RawEvent[] = []
  const flushedBytes: number[] = []
  const states: StreamState[] = []
  const endResults: (StreamError | undefined)[] = []
  const source = createSource(
    { connect: network.connect, clock, connectTimeout: 10_000, ...rest },
    {
      label: name,
      checkResponse: (connection) =>
        assertEventStream(connection, { ...rest, clock, label: name, statusCodes: retry.statusCodes }),
      nextRetry: (error, attempt, minDelay) =>
        nextRetry({ ...retry, label: name, random }, repeatable?.(error) ?? true, error, attempt, minDelay),
      onResponse: () => {},
      onOpen: () => {},
      onConnectionEnd: () => new StreamError('network', 'Ended', { retryable: true }),
      request: async ({ signal }, id): Promise<ConnectRequest> => ({
        url: 'https://api.test/stream',
        method: 'GET',
        headers: [],
        credentialHeaders: [],
        lastEventId: id,
        maxEventSize: 1_000,
        signal,
      }),
      ...rest,
      onEvent(raw) {
        events.push({ ...raw })
        event?.(raw)
      },
      onBatchEnd(bytes) {
        flushedBytes.push(bytes)
        return flush?.(bytes)
      },
      onStateChange(state) {
        states.push(state)
        changed?.(state)
      },
      onEnd: (error) => void endResults.push(error),
    },
    lastEventId,
  )
  return {
    source,
    clock,
    network,
    events,
    flushedBytes,
    states,
    endResults,
    async open() {
      source.start()
      await flushMicrotasks()
      const connection = network.last.respond()
      await flushMicrotasks()
      return connection
    },
  }
}
