/** Creates runs: reads deltas until the terminal event, resumes after interruptions, and cancels on request. */
import { createDeferred } from '../base/deferred.ts'
import { type Cursor, StreamError, isStreamError } from '../base/errors.ts'
import type { EventOf, StreamEvent } from '../base/events.ts'
import { mergeDefined } from '../base/merge-defined.ts'
import { callSafely } from '../base/report-error.ts'
import { createUuid } from '../base/uuid.ts'
import type { Message } from '../message/message.ts'
import type { End, Protocol } from '../protocols/protocol.ts'
import { type RequestOverrides, createRequestBuilder, isSafeToRepeat } from '../request/request.ts'
import type { KindDefaults, ResolvedOptions } from '../request/resolve-options.ts'
import { resolveResumeUrl } from '../request/resume-url.ts'
import type { RunOptions } from '../request/stream-options.ts'
import { cancelRun } from './cancel-run.ts'
import type { Ending, Kind } from './kind.ts'
import { createRunDecoder } from './run-decoder.ts'
import { RunEvent, type RunPosition, createPosition } from './run-position.ts'
import type { Run, RunResult } from './run.ts'
import type { LoopOptions } from './dispatcher.ts'
import { createStream } from './stream.ts'

/** Resolved options of a run. */
export type ResolvedRunOptions<Delta> = ResolvedOptions &
  Pick<RunOptions<Delta>, 'schema' | 'idempotencyKey' | 'detachBehavior' | 'message' | 'text'> & {
    protocol: Protocol<Delta, unknown>
  }

/**
 * Defaults for runs, with timeouts in milliseconds. Third-party servers announce no heartbeat, and a model may think for
 * minutes, but a dead connection must not wait forever.
 */
export const runDefaults: KindDefaults = { retry: 5, connectTimeout: 300_000, idleTimeout: 300_000 }

/** Adds the query parameter that asks for deltas one by one (PROTOCOL.md, 3.8). */
const withoutCompaction = (url: string): string => `${url}${url.includes('?') ? '&' : '?'}compact=0`

/** Milliseconds within which a cancelled run should deliver its terminal event. */
const CANCEL_GRACE_MS = 5_000

/** Returns what `final()` resolves with beyond the text. */
const messageResult = (message: Message) => ({
  message,
  toolCalls: message.blocks.filter((block) => block.type === 'tool-call' && !block.server),
})

/**
 * Creates a run that starts at `cursor` or, if that is `undefined`, at the beginning.
 * @throws TypeError if the URL cannot be requested, the body cannot be sent, or the cursor has a different protocol
 */
export function createRun<Delta, Events extends object>(
  url: string | URL,
  options: ResolvedRunOptions<Delta>,
  cursor: Cursor | undefined,
  onClosed: (() => void) | undefined,
): Run<Delta, Events> {
  const { protocol, detachBehavior, persist, idempotencyKey = createUuid() } = options
  // A message needs the blocks before the cursor, and what the protocol remembers of them. A cursor has neither, so the run
  // is read again from its start, unless the application has kept all that is needed.
  const readsFromStart = !!protocol.reduce && (!!protocol.begin || !options.message)
  const startCursor =
    cursor && readsFromStart
      ? mergeDefined<Cursor>({ ...cursor, at: undefined, lastEventId: protocol.resume?.fromStart })
      : cursor
  if (startCursor?.protocol !== undefined && startCursor.protocol !== protocol.name)
    throw new TypeError(`The cursor belongs to the protocol "${startCursor.protocol}", not "${protocol.name}"`)
  const key = protocol.idempotent && idempotencyKey
  const request = createRequestBuilder(url, options, !startCursor)
  const decoder = createRunDecoder(protocol, request.label, startCursor && { ...startCursor, url: request.url })
  const run = decoder.state
  const startMessage = readsFromStart ? undefined : options.message
  const startText = (startCursor?.lastEventId ?? startCursor?.at) ? (options.text ?? '') : ''
  const received = createPosition(startCursor, startMessage, startText)
  const reduce =
    protocol.reduce && ((message: unknown, delta: unknown) => protocol.reduce!(message, delta as Delta, run.start))
  const result = createDeferred<RunResult>()
  result.promise.catch(() => {}) // awaiting `final()` is optional: the stream reports its failure
  let iterated: RunPosition | undefined // position of the loop, if there is one
  let savedUrl: string | undefined // resume URL that `persist` has stored
  let indexAfterInvalid: number | undefined // index of the delta after the one that does not match its schema
  let cancelling: Promise<void> | undefined
  let isAwaited = false

  const overrides = (): RequestOverrides => {
    const { resumeUrl, at, needsSingleDeltas } = run
    if (resumeUrl) {
      const url = protocol.resume?.url(resumeUrl, at) ?? resumeUrl
      return { url: needsSingleDeltas ? withoutCompaction(url) : url }
    }
    return key ? { headers: { 'idempotency-key': key } } : {}
  }
  const succeed = (end: End & Pick<RunResult, 'cancelError'>): Ending => {
    const { finishReason, rawFinishReason, usage, cancelError, message = received.message } = end
    const withMessage = reduce && messageResult((message ?? { ...run.start, blocks: [] }) as Message)
    const optional = mergeDefined({ rawFinishReason, usage, cancelError })
    result.resolve({ text: received.text, finishReason, ...optional, ...withMessage })
    stream.observe?.({ type: 'finish', finishReason, usage })
    return { isFinal: true }
  }
  const succeedAsCancelled = (cancelError?: unknown): void => {
    if (source.state.status !== 'closed') stream.finish(succeed({ finishReason: 'cancelled', cancelError }))
  }
  const fail = (error: StreamError): Ending => {
    result.reject(error)
    // The application's own error stays as it is.
    if (!isStreamError(error)) return { error, isFinal: true }
    const cursor = decoder.cursorAt(error.lastEventId ?? run.lastEventId, received)
    Object.assign(error, { partial: received.text, cursor })
    // The failure is not final if a later page could resume the run, with a better connection or new credentials.
    return { error, isFinal: error.code === 'server' || !(error.retryable || error.code === 'auth') }
  }
  const truncatedError = (retryable: boolean): StreamError =>
    new StreamError('truncated', `Run ended before its terminal event: ${request.label}`, { retryable })
  /** Returns what it means that nothing follows although no terminal event was received. */
  const endWithoutEvent = (): Ending => {
    const end = decoder.endOfInput()
    if (end) return succeed(end)
    // A server that replays everything, or nothing if the run is over.
    const isGone = protocol.resume?.replays === 'all' && run.hasEvents
    return fail(isGone ? new StreamError('expired', `The run is over: ${request.label}`) : truncatedError(false))
  }

  const { identity } = request
  const kind: Kind = {
    identity,
    get lastEventId() {
      return run.lastEventId
    },
    restore:
      persist && !startCursor
        ? (stored) => {
            savedUrl = resolveResumeUrl(stored.url, request.url)
            decoder.restore({ ...stored, url: savedUrl })
            stream.observe?.({ type: 'cursor', action: 'restored' })
            if (run.heartbeat) stream.expectHeartbeat(run.heartbeat)
          }
        : undefined,
    overrides,
    // A repeated request never starts a second run: it resumes the run, joins it by idempotency key, or replaces a
    // request that the server refused.
    isRepeatable: (error) => !!run.resumeUrl || (!run.hasEvents && (!!key || isSafeToRepeat(error))),
    decode(batch, connection) {
      const decoded = decoder.decode(batch, connection.url)
      if (run.hasEvents && batch.blocks.length) stream.expectHeartbeat(run.heartbeat)
      return decoded
    },
    onInvalid(error, item) {
      decoder.invalidate(error)
      indexAfterInvalid = RunEvent.nextIndexAfter(item)
      return true
    },
    onReceived(items) {
      for (const item of items) RunEvent.advance(received, item, reduce)
      received.nextIndex = indexAfterInvalid ?? received.nextIndex
      if (run.resumeUrl && run.resumeUrl !== savedUrl) {
        savedUrl = run.resumeUrl
        callSafely((store) => store?.save(decoder.cursorAt(undefined, received)!, identity), persist)
        if (persist) stream.observe?.({ type: 'cursor', action: 'saved' })
      }
      const { outcome } = run
      if (!outcome) return undefined
      return isStreamError(outcome) ? fail(outcome) : succeed(outcome)
    },
    endOfConnection: (isEmpty) => (!isEmpty && decoder.endOfInput() ? undefined : truncatedError(true)),
    // Without an error, the response was a 204, or the end of the connection was that of the run. After `cancel()`, any end
    // is a success.
    onSourceEnded(error) {
      if (cancelling) return succeed({ finishReason: 'cancelled' })
      return error ? fail(error) : endWithoutEvent()
    },
    onAbort(error) {
      const { status } = source.state
      result.reject(error)
      stream.close({ error })
      if (detachBehavior === 'cancel' && status !== 'idle') cancel().catch(stream.emitError)
    },
    isAwaited: () => isAwaited,
  }
  const stream = createStream({ options, request, kind, mustIterateFromStart: true, onClosed })
  const { source, dispatcher } = stream
  stream.observe?.({ type: 'made', kind: 'run', resumes: !!cursor, label: options.label })

  // The native protocol sends `start` right after the response headers. Until `start` announces the heartbeat interval,
  // a substitute interval detects a connection that dies in between.
  if (run.heartbeat) stream.expectHeartbeat(run.heartbeat)
  else stream.expectHeartbeat(options.connectTimeout / 3, 'connectTimeout')

  const requestCancel = async (): Promise<void> => {
    if (run.outcome) return
    // If nothing has been sent yet, or the server cannot cancel, closing the connection is enough.
    if (source.state.status === 'idle') return succeedAsCancelled()
    await stream.whenRestored()
    const address = run.resumeUrl ?? (key && request.url)
    const target = address && protocol.cancel?.(address)
    if (!target) return succeedAsCancelled()
    try {
      await cancelRun(request, options, { ...overrides(), ...target }, () => !!run.outcome, stream.observe)
      callSafely((store) => store?.clear(), persist)
      // The terminal event normally ends the run, but may be stuck in the queue of a loop that has stopped reading.
      const cancelGrace = options.clock.after(CANCEL_GRACE_MS, () => succeedAsCancelled())
      result.promise.then(cancelGrace, cancelGrace)
    } catch (error) {
      if (isStreamError(error)) stream.observe?.({ type: 'error', error })
      succeedAsCancelled(error)
      throw error
    }
  }
  const cancel = (): Promise<void> => {
    cancelling ??= requestCancel()
    cancelling.catch(() => {}) // awaiting `cancel()` is optional
    return cancelling
  }
  const detach = (): void => {
    result.reject(new DOMException(`Run detached: ${request.label}`, 'AbortError'))
    stream.close()
  }
  const onReturn = (): void => {
    if (detachBehavior !== 'cancel') return detach()
    cancel().catch(stream.emitError)
    dispatcher.close()
  }
  /** Starts the loop. From now on, `text` and `cursor` are those of the loop. */
  const startLoop = <Value, Loop>(start: (options: LoopOptions<Value>) => Loop, take: LoopOptions<Value>['take']) => {
    const loop = start({ take, onReturn })
    iterated = createPosition(startCursor, startMessage, startText)
    return loop
  }
  const takeDelta = (event: StreamEvent): Delta | undefined =>
    RunEvent.advance(iterated!, event, reduce) as Delta | undefined
  const takeOther = (event: StreamEvent): EventOf<Events> | undefined =>
    RunEvent.advance(iterated!, event, reduce) === undefined ? (event as EventOf<Events>) : undefined

  return {
    on: (type, listener, listenerOptions) => dispatcher.on(type, listener, listenerOptions),
    events: () => startLoop((loopOptions) => dispatcher.iterate(loopOptions), takeOther),
    batches: () => startLoop((loopOptions) => dispatcher.iterateBatches(loopOptions), takeDelta),
    get text() {
      return (iterated ?? received).text
    },
    get message() {
      return (iterated ?? received).message as never
    },
    get state() {
      return source.state
    },
    get cursor() {
      const position = iterated ?? received
      return decoder.cursorAt(position.lastEventId, position)
    },
    final() {
      isAwaited = true
      dispatcher.startFlowing()
      return result.promise
    },
    subscribe: stream.subscribe,
    reconnect: stream.reconnect,
    cancel,
    detach,
    [Symbol.asyncIterator]: () => startLoop((loopOptions) => dispatcher.iterate(loopOptions), takeDelta),
  }
}
