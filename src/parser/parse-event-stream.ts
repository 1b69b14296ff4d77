/** Reads a response, or any stream of bytes or text, as an async iterable of events. */
import { type ParsedEvent, type ReadOptions, createParser } from './parser.ts'

/** A stream of bytes or text, or an object that has one as its `body`, such as a `Response`. */
export type EventStreamSource =
  | ReadableStream<Uint8Array | string>
  | { readonly body: ReadableStream<Uint8Array | string> | null }

/**
 * Reads the events of one response. The stream is read only as fast as the loop requests events; `break` and `return()`
 * cancel it. This function neither checks the response nor reconnects; `createClient` does both.
 *
 * Iteration throws the stream's error, or a `StreamError` `too-large`, after yielding the events before it.
 * @throws TypeError if the stream is locked to another reader.
 * @example for await (const event of parseEventStream(await fetch('/api/feed'))) console.log(event.data)
 */
export function parseEventStream(
  source: EventStreamSource,
  options: ReadOptions = {},
): AsyncIterableIterator<ParsedEvent, undefined> {
  const stream = 'getReader' in source ? source : source.body
  const reader = stream?.getReader()
  let events: ParsedEvent[] = []
  let position = 0
  let ended = !reader
  let failure: { error: unknown } | undefined
  // `next()` may be called again before the previous promise has settled; calls are served in order.
  let pendingNextCalls = 0
  let lastNextCall: Promise<unknown> = Promise.resolve()
  const parser = createParser({ ...options, onEvent: (event) => events.push(event) })

  const cancelReader = (): void => {
    ended = true
    // Not awaited, and a rejection is ignored: the stream is no longer needed.
    reader?.cancel().catch(() => {})
  }
  const readChunk = async (): Promise<void> => {
    events = []
    position = 0
    try {
      const { done, value } = await reader!.read()
      if (done) ended = true
      else if (!ended) parser.push(value)
    } catch (error) {
      failure = { error }
      cancelReader()
    }
  }
  const takeEvent = (): IteratorResult<ParsedEvent, undefined> => ({ value: events[position++]!, done: false })
  const next = async (): Promise<IteratorResult<ParsedEvent, undefined>> => {
    try {
      while (position === events.length) {
        if (failure) {
          const { error } = failure
          failure = undefined
          throw error
        }
        if (ended) return { value: undefined, done: true }
        await readChunk()
      }
      return takeEvent()
    } finally {
      pendingNextCalls--
    }
  }

  return {
    next() {
      if (!pendingNextCalls && position < events.length) return Promise.resolve(takeEvent())
      pendingNextCalls++
      const result = lastNextCall.then(next)
      lastNextCall = result.catch(() => {})
      return result
    },
    return() {
      events = []
      position = 0
      failure = undefined
      cancelReader()
      return Promise.resolve({ value: undefined, done: true })
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}
