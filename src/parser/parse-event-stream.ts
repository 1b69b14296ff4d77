/** A response, or any stream of bytes, as an async iterable of its events. */
import { type ParsedEvent, type ReadOptions, createParser } from './parser.ts'

/** A stream of bytes or text, or what has one as its `body`. */
export type EventStreamSource =
  | ReadableStream<Uint8Array | string>
  | { readonly body: ReadableStream<Uint8Array | string> | null }

/**
 * Reads events as they are asked for. `break`, and `return()`, let go of the stream. It neither judges the response nor
 * reconnects: that is `createClient`'s.
 * Iteration throws what the stream fails with, and a `StreamError` `too-large`, after the events before it.
 * @throws TypeError on a stream that somebody else is reading
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
  // Several may ask before the first is answered: each in its turn.
  let pendingNextCalls = 0
  let lastNextCall: Promise<unknown> = Promise.resolve()
  const parser = createParser({ ...options, onEvent: (event) => events.push(event) })

  const cancelReader = (): void => {
    ended = true
    // Not awaited, and what it rejects with is of a stream that nobody wants.
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
