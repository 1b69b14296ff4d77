/** A source whose hooks record their calls, and whose batches are read as a feed reads them. */
import { StreamError } from '../../src/base/errors.ts'
import type { ConnectRequest } from '../../src/connect/connect.ts'
import { type ResponseCheckOptions, assertEventStream } from '../../src/source/check-response.ts'
import { nextLastEventId } from '../../src/source/last-event-id.ts'
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
    Partial<Pick<ResponseCheckOptions, 'contentType'>>,
    Partial<Pick<ConnectRequest, 'canRefresh' | 'withheldFrom'>> {
  repeatable?: (error: StreamError) => boolean
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
      canRefresh: options.canRefresh,
      withheldFrom: options.withheldFrom,
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
    { connect: network.connect, clock, connectTimeout: 10_000, retry, random, ...rest },
    {
      label,
      async checkResponse(connection, sentRequest) {
        if (connection.status === 204) return false
        return assertEventStream(connection, sentRequest, { ...rest, clock, retry })
      },
      isRepeatable: (error) => repeatable?.(error) ?? true,
      async onBatch({ begins, blocks, bytes }) {
        if (begins) return undefined
        let failure: StreamError | undefined
        try {
          for (const { type, data, id } of blocks) {
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
          failure = error as StreamError
        }
        flushedBytes.push(bytes)
        await flush?.(bytes)
        return failure
      },
      endOfConnection,
      request: (context) => request(context, position.lastEventId),
      onStateChange(state) {
        states.push(state)
        changed?.(state)
      },
      onEnd: (error) => isClosed || endResults.push(error),
    },
  )
  let isClosed = false
  const { close } = source
  source.close = () => {
    isClosed = true
    close()
  }
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
