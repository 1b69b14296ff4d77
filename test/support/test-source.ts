/** A source whose hooks record their calls, and whose batches are read as a feed reads them. */
import { StreamError } from '../../src/base/errors.ts'
import type { ConnectRequest } from '../../src/connect/connect.ts'
import { type ResponseCheckOptions, assertEventStream } from '../../src/source/check-response.ts'
import { nextLastEventId } from '../../src/source/last-event-id.ts'
import { type RetryOptions, nextRetry } from '../../src/source/retry.ts'
import {
  type AttemptContext,
  type Source,
  type SourceHooks,
  type SourceOptions,
  type StreamState,
  createSource,
} from '../../src/source/source.ts'
import { flushMicrotasks } from './flush-microtasks.ts'
import { type ManualClock, createManualClock } from './manual-clock.ts'
import { type ScriptedConnection, type ScriptedNetwork, createScriptedNetwork } from './scripted-connect.ts'

/** An event, with the last event ID as of it. */
export interface RawEvent {
  type: string
  data: string
  id: string
}

export interface TestSourceOptions
  extends
    Partial<Pick<SourceHooks, 'endOfConnection'>>,
    Partial<Omit<SourceOptions, 'clock' | 'connect'>>,
    Partial<Omit<ResponseCheckOptions, 'statusCodes'>> {
  repeatable?: (error: StreamError) => boolean
  random?: () => number
  retry?: RetryOptions
  lastEventId?: string
  ignoreAbort?: boolean
  /** Called after each event is recorded. A `StreamError` that it throws refuses the batch. */
  event?: (event: RawEvent) => void
  /** Called after each batch. Its promise delays the next read. */
  flush?: (bytes: number) => Promise<void> | undefined
  /** Called after each state is recorded. */
  changed?: (state: StreamState) => void
  request?: (context: AttemptContext, lastEventId: string) => Promise<ConnectRequest>
}

export interface TestSource {
  source: Source
  clock: ManualClock
  network: ScriptedNetwork
  events: RawEvent[]
  /** Size in bytes of each batch that was read. */
  flushedBytes: number[]
  states: StreamState[]
  /** How the source has ended: with an error, or with `undefined`. */
  endResults: (StreamError | undefined)[]
  /** The last event ID received. */
  position: { lastEventId: string }
  /** Starts the source and responds with an event stream. */
  open(): Promise<ScriptedConnection>
}

/** Creates a test source. Jitter always chooses the longest delay; a clean end is retried, as in a feed. */
export function createTestSource(options: TestSourceOptions = {}): TestSource {
  const {
    retry = {},
    lastEventId = '',
    ignoreAbort = false,
    event,
    changed,
    flush,
    repeatable,
    request = async ({ signal }, id) => ({
      url: 'https://api.test/stream',
      method: 'GET',
      headers: [],
      credentialHeaders: [],
      lastEventId: id,
      maxEventSize: 1_000,
      signal,
    }),
    endOfConnection = () => new StreamError('network', 'Ended', { retryable: true }),
    random = () => 1,
    ...rest
  } = options
  const label = 'GET https://api.test/stream'
  const clock = createManualClock()
  const network = createScriptedNetwork({ ignoreAbort })
  const events: RawEvent[] = []
  const flushedBytes: number[] = []
  const states: StreamState[] = []
  const endResults: (StreamError | undefined)[] = []
  const position = { lastEventId }
  const source = createSource(
    { connect: network.connect, clock, connectTimeout: 10_000, ...rest },
    {
      label,
      async checkResponse(connection) {
        if (connection.status === 204) return false
        await assertEventStream(connection, { ...rest, clock, label, statusCodes: retry.statusCodes })
        return true
      },
      nextRetry: (error, attempt, minDelay) =>
        nextRetry({ ...retry, label, random }, repeatable?.(error) ?? true, error, attempt, minDelay),
      endOfConnection,
      request: (context) => request(context, position.lastEventId),
      onStateChange(state) {
        states.push(state)
        changed?.(state)
      },
    },
  )
  const readAll = async (): Promise<void> => {
    for (let next; (next = await source.read());) {
      const { batch, connection } = next
      if (batch.begins) continue
      try {
        for (const { type, data, id } of batch.blocks) {
          const newId = nextLastEventId(position.lastEventId, id)
          if (data !== undefined) {
            const raw = { type, data, id: newId }
            events.push(raw)
            event?.(raw)
          }
          if (newId !== position.lastEventId) source.progress()
          position.lastEventId = newId
        }
      } catch (error) {
        source.fail(error as StreamError, connection)
      }
      flushedBytes.push(batch.bytes)
      await flush?.(batch.bytes)
    }
  }
  let isClosed = false
  const { close } = source
  source.close = (error) => {
    isClosed = true
    close(error)
  }
  readAll().then(
    () => isClosed || endResults.push(undefined),
    (error: StreamError) => isClosed || endResults.push(error),
  )
  return {
    source,
    clock,
    network,
    events,
    flushedBytes,
    states,
    endResults,
    position,
    async open() {
      source.start()
      await flushMicrotasks()
      const connection = network.last.respond()
      await flushMicrotasks()
      return connection
    },
  }
}
